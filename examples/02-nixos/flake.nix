{
  description = "Two hosts and their secrets";

  inputs = {
    nixpkgs.url = "github:NixOS/nixpkgs/nixos-unstable";
    sops-nix.url = "github:Mic92/sops-nix";
    sops-nix.inputs.nixpkgs.follows = "nixpkgs";
  };

  outputs = { nixpkgs, sops-nix, ... }:
    let
      host = name: nixpkgs.lib.nixosSystem {
        system = "x86_64-linux";
        modules = [ sops-nix.nixosModules.sops ./hosts/${name}/configuration.nix ];
      };
    in
    {
      nixosConfigurations = nixpkgs.lib.genAttrs [ "lychee" "papaya" ] host;
    };
}
