{ config, ... }:
{
  imports = [ ../../modules/backup.nix ../../modules/wifi.nix ];

  networking.hostName = "lychee";

  sops.defaultSopsFile = ./secrets.yaml;
  sops.age.sshKeyPaths = [ "/etc/ssh/ssh_host_ed25519_key" ];
  sops.secrets."grafana/admin_password".owner = "grafana";
  sops.secrets."grafana/secret_key".owner = "grafana";

  services.grafana = {
    enable = true;
    settings.security = {
      admin_user = "mira";
      admin_password = "$__file{${config.sops.secrets."grafana/admin_password".path}}";
      secret_key = "$__file{${config.sops.secrets."grafana/secret_key".path}}";
    };
  };
}
