{ config, ... }:
{
  imports = [ ../../modules/backup.nix ../../modules/wifi.nix ];

  networking.hostName = "papaya";

  sops.defaultSopsFile = ./secrets.yaml;
  sops.secrets."miniflux/admin" = { };
  sops.secrets."miniflux/oidc_secret" = { };

  services.miniflux = {
    enable = true;
    adminCredentialsFile = config.sops.secrets."miniflux/admin".path;
  };
}
