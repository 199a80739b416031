{ config, ... }:
{
  sops.secrets."wifi/home/psk".sopsFile = ../secrets/wifi.yaml;
  sops.secrets."wifi/guest/psk".sopsFile = ../secrets/wifi.yaml;

  networking.wireless = {
    enable = true;
    networks.orchard.pskRaw = "ext:psk_home";
  };
}
