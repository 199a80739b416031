#!/usr/bin/env bash
# Makes the encrypted files of the examples anew, with the real sops, and the files that were spoilt on purpose after
# encryption. Everything else in the examples is written by hand and left alone. No network is needed.
#
#   examples/make.sh                      sops from PATH
#   SOPS=/path/to/sops examples/make.sh
#
# Every secret is invented and carries the word kumquat. Each run gives new ciphertext for the same plaintext.
set -euo pipefail

sops=${SOPS:-sops}
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# Recipients and identities of the caller must not find their way into the examples.
unset "${!SOPS_@}"
export SOPS_DISABLE_VERSION_CHECK=1

# recipient NAME: the public half of test-keys/NAME.txt.
recipient() {
  sed -n 's/^# public key: //p' "$here/test-keys/$1.txt"
}

# encrypt EXAMPLE PATH IDENTITY [FLAG...]: standard input, encrypted by the rules of the example, becomes PATH; the
# identity must open the result.
encrypt() {
  local example=$here/$1 path=$here/$1/$2 identity=$here/test-keys/$3.txt new
  shift 3
  new=$(mktemp)
  "$sops" --config "$example/.sops.yaml" encrypt --filename-override "$path" "$@" >"$new"
  cat "$new" >"$path"
  rm "$new"
  SOPS_AGE_KEY_FILE=$identity "$sops" decrypt "$path" >/dev/null
}

# spoil PATH FROM TO: replaces text that must be there, as somebody with an editor would.
spoil() {
  local path=$here/$1 new
  grep -q -- "$2" "$path" || { echo "make.sh: nothing to spoil in $1" >&2; exit 1; }
  new=$(mktemp)
  awk -v from="$2" -v to="$3" '{ sub(from, to); print }' "$path" >"$new"
  cat "$new" >"$path"
  rm "$new"
}

# --- 01-flux-fleet ----------------------------------------------------------------------------------------------------

encrypt 01-flux-fleet apps/staging/orchard-api/database.sops.yaml fleet-staging <<'EOF'
apiVersion: v1
kind: Secret
metadata:
    name: orchard-api-database
stringData:
    username: orchard
    password: kumquat-Staging-3RtY8vQm
EOF

encrypt 01-flux-fleet apps/production/orchard-api/database.sops.yaml fleet-production <<'EOF'
apiVersion: v1
kind: Secret
metadata:
    name: orchard-api-database
stringData:
    username: orchard
    password: kumquat-Harvest-7Kx2NpWd
EOF

# Encrypted before the production cluster had its own key, and never updated.
encrypt 01-flux-fleet apps/production/orchard-api/oauth.sops.yaml fleet-ops --age "$(recipient fleet-ops)" <<'EOF'
apiVersion: v1
kind: Secret
metadata:
    name: orchard-api-oauth
stringData:
    client-id: orchard-api
    client-secret: kumquat-Nectar-5BsJ9eHf
EOF

# A rotation with an editor instead of `sops edit`: the old key was kept, in plain text.
encrypt 01-flux-fleet apps/production/orchard-api/session.sops.yaml fleet-production <<'EOF'
apiVersion: v1
kind: Secret
metadata:
    name: orchard-api-session
stringData:
    signing-key: kumquat-Branch-8LmC4tGz
    previous-signing-key: to be put in by hand
EOF
spoil 01-flux-fleet/apps/production/orchard-api/session.sops.yaml \
  '^    previous-signing-key: .*' '    previous-signing-key: kumquat-Root-2QvF6yXj'

encrypt 01-flux-fleet infrastructure/production/external-dns/cloudflare.sops.yaml fleet-production <<'EOF'
apiVersion: v1
kind: Secret
metadata:
    name: cloudflare
stringData:
    api-token: kumquat-Orchard-9PdS3wKr
EOF

# The decrypted copy was left behind after an edit.
tee "$here/01-flux-fleet/apps/production/reports/reports.env" <<'EOF' |
REPORTS_BUCKET=orchard-reports
REPORTS_DB_USER=reports
REPORTS_DB_PASSWORD=kumquat-Basket-6GhU1zVn
REPORTS_SIGNING_KEY=kumquat-Ladder-4TcE7qBs
EOF
  encrypt 01-flux-fleet apps/production/reports/reports.sops.env fleet-production

# --- 02-nixos ---------------------------------------------------------------------------------------------------------

# The copy from which the file was first encrypted.
tee "$here/02-nixos/hosts/lychee/secrets.yaml.plain" <<'EOF' |
grafana:
    admin_password: kumquat-Trellis-5ZnM8rJa
    secret_key: kumquat-Hedge-2WyK6dPv
EOF
  encrypt 02-nixos hosts/lychee/secrets.yaml nixos-lychee

# Still for the retired host guava, not yet for papaya.
encrypt 02-nixos secrets/common.yaml nixos-lychee \
  --age "$(recipient nixos-mira),$(recipient nixos-lychee),$(recipient nixos-guava)" <<'EOF'
restic:
    password: kumquat-Cellar-9FbQ3xTm
acme:
    dns_token: kumquat-Shed-7VjR5nLc
EOF

encrypt 02-nixos secrets/wifi.yaml nixos-papaya <<'EOF'
wifi:
    home:
        psk: kumquat-Garden-4HsW9kDy
    guest:
        psk_guest: to be put in by hand
EOF
spoil 02-nixos/secrets/wifi.yaml '^    guest:' '    # until spring: psk=kumquat-Winter-1NqG6cZf\n    guest:'
spoil 02-nixos/secrets/wifi.yaml '^        psk_guest: .*' '        psk: kumquat-Spring-8XdB2vMe'

encrypt 02-nixos secrets/restic.env nixos-papaya <<'EOF'
AWS_ACCESS_KEY_ID=KUMQUATEXAMPLE000001
AWS_SECRET_ACCESS_KEY=kumquat/Compost+3JpT7sRwEXAMPLEKEY
EOF

encrypt 02-nixos secrets/mail.json nixos-papaya <<'EOF'
{
	"smtp": {
		"user": "mira",
		"password": "kumquat-Letter-6CgY4hUk"
	}
}
EOF

# --- 03-helm-argo -----------------------------------------------------------------------------------------------------

encrypt 03-helm-argo environments/staging/secrets.yaml argo-cd <<'EOF'
database:
    password: kumquat-Crate-5DkV9mSx
session:
    secret: kumquat-Barrow-8RzH2fJw
EOF

# helm-secrets was killed before it could tidy up.
tee "$here/03-helm-argo/environments/production/secrets.yaml.dec" <<'EOF' |
database:
    password: kumquat-Market-7QyL3bNc
session:
    secret: kumquat-Stall-4GxP6tEv
EOF
  encrypt 03-helm-argo environments/production/secrets.yaml argo-cd

# Encrypted with a selector for Kubernetes manifests: sops found nothing to encrypt and said nothing.
encrypt 03-helm-argo environments/production/secrets-smtp.yaml argo-cd --encrypted-regex '^(data|stringData)$' <<'EOF'
smtp:
    host: smtp.orchard.example
    user: shop
    password: kumquat-Jar-9WnF5kZd
EOF

encrypt 03-helm-argo argocd/repositories/charts.enc.yaml argo-team <<'EOF'
apiVersion: v1
kind: Secret
metadata:
    name: charts-repository
    namespace: argocd
    labels:
        argocd.argoproj.io/secret-type: repository
stringData:
    type: helm
    name: charts
    url: https://charts.orchard.example
    username: argocd
    password: kumquat-Press-2MvC8yHb
EOF
