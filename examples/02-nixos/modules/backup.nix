{ config, ... }:
{
  sops.secrets.restic = {
    sopsFile = ../secrets/restic.env;
    format = "dotenv";
  };
  sops.secrets.restic_password = {
    sopsFile = ../secrets/common.yaml;
    key = "restic/password";
  };

  services.restic.backups.home = {
    repository = "s3:https://s3.orchard.example/backups";
    environmentFile = config.sops.secrets.restic.path;
    passwordFile = config.sops.secrets.restic_password.path;
    paths = [ "/home" ];
  };
}
