#!/usr/bin/env bash
# How the ciphertext in the cases was made: by the real sops (3.13.3), for throw-away age recipients whose identities
# were not kept (but for that of private-key, which is what those cases are about); nothing here needs one. A damaged file is a sound one, changed in one place by the command that stands
# behind `seal`. Files that exist are left alone, because every run of sops draws new bytes: delete a file, or set
# REMAKE=1, to make it anew. The plain files of a case are written by hand and are not made here.
#
#   SOPS=/path/to/sops tests/cases/make.sh
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
sops=$(command -v "${SOPS:-sops}")
A=age158hsltk3ucltzkketps853nwanaty5w4dtfwp3v4uemqcd9ymepsaya25r
B=age1efxz3c93z6ju2dmzcks82206wuxc8d0054nq8ntcng67g7qgwf4scncj5y
away=$(mktemp -d)
trap 'rm -rf "$away"' EXIT

# seal TYPE [OPTION...]: plaintext in, envelope out; for A unless recipients are given.
seal() {
  local type=$1 to=(--age "$A")
  shift
  case " $* " in *" --age "* | *" --shamir-secret-sharing-threshold "*) to=() ;; esac
  (cd "$away" && env -i PATH="$PATH" HOME="$away" "$sops" encrypt --input-type "$type" --output-type "$type" ${to[@]+"${to[@]}"} "$@" --filename-override "kumquat.$type")
}

# The same with what only a config can ask for.
seal_mac_only() {
  printf 'creation_rules:\n  - age: %s\n    mac_only_encrypted: true\n' "$A" > "$away/config"
  (cd "$away" && env -i PATH="$PATH" HOME="$away" "$sops" --config config encrypt --input-type yaml --output-type yaml --filename-override kumquat.yaml)
}

# put PATH: what comes in becomes this file.
put() {
  local to="$here/$1"
  if [ -e "$to" ] && [ -z "${REMAKE:-}" ]; then cat > /dev/null; return; fi
  mkdir -p "$(dirname "$to")"
  cat > "$to"
}

# lines before the metadata
before_sops() { awk -v text="$1" '/^sops:/ && !done { print text; done = 1 } { print }'; }
# The damages. Each takes a whole envelope and changes one place.
first() { awk -v from="$1" -v to="$2" '!done && match($0, from) { $0 = substr($0, 1, RSTART - 1) to substr($0, RSTART + RLENGTH); done = 1 } { print }'; }

yaml() { printf 'db_password: kumquat-not-a-real-one\ndb_host: db.example.org\nreplicas: 3\n'; }
json() { printf '{"db_password": "kumquat-not-a-real-one", "db_host": "db.example.org", "replicas": 3}\n'; }
dotenv() { printf 'DB_PASSWORD=kumquat-not-a-real-one\nDB_HOST=db.example.org\n'; }
ini() { printf '[db]\npassword = kumquat-not-a-real-one\nhost = db.example.org\n'; }
blob() { printf 'kumquat-licence-not-a-real-one\nsecond line\n'; }
secret() { printf 'apiVersion: v1\nkind: Secret\nmetadata:\n    name: kumquat\nstringData:\n    password: kumquat-not-a-real-one\n    token: kumquat-not-a-real-token\n'; }
secret_json() { printf '{"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "kumquat"}, "stringData": {"password": "kumquat-not-a-real-one"}}\n'; }
K8S='^(data|stringData)$'

# --- unencrypted-value
d=unencrypted-value
yaml | seal yaml | before_sops 'api_token: kumquat-appended' | put $d/yaml/repo/app.yaml
yaml | seal yaml | before_sops 'api_token_unencrypted: kumquat-appended' | put $d/yaml-suffix/repo/app.yaml
yaml | seal yaml | before_sops 'port: 5432' | put $d/yaml-number/repo/app.yaml
yaml | seal yaml | before_sops $'a: null\nb: ""\nc: {}\nd: []' | put $d/yaml-nothing/repo/app.yaml
printf 'users:\n    - kumquat-one\n    - kumquat-two\n' | seal yaml | awk '/^sops:/ { print "    - kumquat-three" } { print }' | put $d/yaml-list-item/repo/app.yaml
{ yaml; echo ---; yaml; } | seal yaml | sed '/^---$/a\
api_token: kumquat-appended' | put $d/yaml-second-document/repo/app.yaml
yaml | seal yaml | sed '1i\
db_password: kumquat-first-of-two' | put $d/yaml-first-of-two-keys/repo/app.yaml
json | seal json | first '"db_host"' '"api_token": "kumquat-appended",\n\t"db_host"' | put $d/json/repo/app.json
json | seal json | first '"db_host"' '"api_token_unencrypted": "kumquat-appended",\n\t"db_host"' | put $d/json-suffix/repo/app.json
dotenv | seal dotenv | sed '1i\
API_TOKEN=kumquat-appended' | put $d/dotenv/repo/prod.env
dotenv | seal dotenv | sed '1i\
API_TOKEN_unencrypted=kumquat-appended' | put $d/dotenv-suffix/repo/prod.env
dotenv | seal dotenv | sed '1i\
API_TOKEN=' | put $d/dotenv-empty/repo/prod.env
ini | seal ini | sed '/^\[db\]/a\
token = kumquat-appended' | put $d/ini/repo/app.ini
ini | seal ini | sed '/^\[db\]/a\
token_unencrypted = kumquat-appended' | put $d/ini-suffix/repo/app.ini
secret | seal yaml --encrypted-regex "$K8S" | before_sops '    more: kumquat-appended' | put $d/secret/repo/app.yaml
secret | seal yaml --encrypted-regex "$K8S" | first 'name: kumquat' 'name: kumquat\n    namespace: kumquat' | put $d/secret-metadata/repo/app.yaml
for c in rule-selects rule-selects-broad; do
  printf 'password: kumquat-not-a-real-one\ntoken: kumquat-not-a-real-token\n' | seal yaml --encrypted-regex '^password$' | put $d/$c/repo/team/app.yaml
done
yaml | seal yaml | before_sops 'api_token: kumquat-appended' | put $d/lenient-place/repo/tests/app.yaml
yaml | seal yaml | before_sops 'api_token: kumquat-appended' | put $d/other-name/repo/app.conf.dist
blob | seal binary | first '\\[AES256_GCM' '[AES256_GCM' | put $d/binary-sound/repo/store.dat
blob | seal binary | first '"data": "[^"]*"' '"data": "kumquat-not-a-real-one"' | put $d/binary/repo/store.dat

# --- forged-ciphertext
d=forged-ciphertext
forge() { yaml | seal yaml | first "$2" "$3" | put $d/$1/repo/app.yaml; }
forge yaml-short-iv 'iv:[^,]*' 'iv:qL1hZ0M7t8M3RkXw'
forge yaml-short-tag 'tag:[^,]*' 'tag:qL1hZ0M7t8M='
forge yaml-empty-data 'data:[^,]*' 'data:'
forge yaml-no-base64 'data:[^,]*' 'data:kumquat-not-base64'
forge yaml-no-padding 'tag:[^,]*' 'tag:QDN3JBQFCWz4SBotl5RhxA'
forge yaml-no-type ',type:str' ''
forge yaml-unknown-type 'type:str' 'type:list'
forge yaml-bool-too-long 'type:str' 'type:bool'
forge yaml-int-too-long 'type:str' 'type:int'
yaml | seal yaml | sed '/^db_host/s/type:str/type:time/' | put $d/yaml-time-too-short/repo/app.yaml
forge yaml-zero-iv 'iv:[^,]*' 'iv:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA='
forge yaml-printable-tag 'tag:[^,]*' 'tag:a3VtcXVhdGt1bXF1YXRrdQ=='
forge yaml-readable-data 'data:[^,]*' 'data:a3VtcXVhdC1ub3QtYS1yZWFsLW9uZQ=='
forge yaml-short-readable-data 'data:[^,]*' 'data:a3VtcXVhdA=='
forge yaml-other-brackets 'ENC\\[.*\\]' 'ENC[kumquat-not-a-real-one]'
forge yaml-hiera 'replicas: ENC\\[.*\\]' 'replicas_unencrypted: ENC[PKCS7,MIIBkumquat]'
yaml | seal yaml | awk '/^db_password:/ { v = substr($0, 14) } /^sops:/ { print "copy: " v } { print }' | put $d/yaml-shared-iv/repo/app.yaml
printf 'users:\n    - kumquat\n    - kumquat\n' | seal yaml | awk '/^    - ENC/ { if (!v) v = $0; print v; next } { print }' | put $d/yaml-equal-items/repo/app.yaml
printf 'a: true\nb: 42\nc: 1.5\nd: 2026-01-02T03:04:05Z\ne: "x"\nf: ["kumquat", null, {g: "kumquat"}]\n' | seal yaml | put $d/yaml-all-types/repo/app.yaml
yaml | seal yaml | awk '/^    mac: / { sub(/data:[^,]*/, "data:qL1hZ0M7t8M3RkXw") } { print }' | put $d/yaml-short-mac/repo/app.yaml
json | seal json | first 'iv:[^,]*' 'iv:qL1hZ0M7t8M3RkXw' | put $d/json/repo/app.json
json | seal json | put $d/json-sound/repo/app.json
dotenv | seal dotenv | first 'tag:[^,]*' 'tag:qL1hZ0M7t8M=' | put $d/dotenv/repo/prod.env
dotenv | seal dotenv | put $d/dotenv-sound/repo/prod.env
ini | seal ini | first 'data:[^,]*' 'data:' | put $d/ini/repo/app.ini
ini | seal ini | put $d/ini-sound/repo/app.ini
blob | seal binary | first 'iv:[^,]*' 'iv:qL1hZ0M7t8M3RkXw' | put $d/binary/repo/store.dat
blob | seal binary | put $d/binary-sound/repo/store.dat

# --- hidden-plaintext
d=hidden-plaintext
hide() { yaml | seal yaml | first "$2" "$3" | put $d/$1/repo/app.yaml; }
hide yaml-behind 'type:str\\]' 'type:str] kumquat-behind'
hide yaml-before 'db_password: ' 'db_password: kumquat-before '
yaml | seal yaml | awk '/^    mac: / { $0 = $0 " kumquat-behind" } { print }' | put $d/yaml-behind-mac/repo/app.yaml
hide yaml-comment 'db_host:' '# api_token: kumquat-typed-later-8f3kQ\ndb_host:'
hide yaml-comment-prose 'db_host:' '# the host of the standby\ndb_host:'
hide yaml-comment-directive 'db_host:' '# yamllint disable-line rule:line-length\ndb_host:'
hide yaml-comment-url 'db_host:' '# see https://admin:kumquat@db.example.org/\ndb_host:'
printf '# a comment of ours\n' | cat - <(yaml) | seal yaml | put $d/yaml-comment-sealed/repo/app.yaml
secret | seal yaml --encrypted-regex "$K8S" | first 'name: kumquat' 'name: kumquat\n    # api_token: kumquat-typed-later-8f3kQ' | put $d/yaml-comment-outside/repo/app.yaml
secret | seal yaml --encrypted-regex "$K8S" | first '    token: ' '    # api_token: kumquat-typed-later-8f3kQ\n    token: ' | put $d/yaml-comment-inside/repo/app.yaml
hide yaml-unknown-field '    lastmodified' '    owner: kumquat\n    lastmodified'
hide yaml-unknown-long '    lastmodified' '    notes: |\n        password of the standby:\n        kumquat-not-a-real-one\n    lastmodified'
hide yaml-key-entry '- enc: \\|' '- note: kumquat\n          enc: |'
hide yaml-attention '    lastmodified' '    attention: This section contains key material that should only be modified with extra care. See `sops -h`.\n    lastmodified'
{ yaml; echo ---; yaml; } | seal yaml | awk '/^---$/ { later = 1 } later && /^sops:/ { print "sops:\n    note: kumquat-not-a-real-one"; exit } { print }' | put $d/yaml-later-document/repo/app.yaml
{ yaml; echo ---; yaml; } | seal yaml | put $d/yaml-later-copy/repo/app.yaml
json | seal json | { cat; echo 'kumquat-behind-the-object'; } | put $d/json-behind/repo/app.json
json | seal json | { cat; echo; echo; } | put $d/json-behind-blank/repo/app.json
json | seal json | first 'type:str\\]' 'type:str] kumquat-behind' | put $d/json-around/repo/app.json
json | seal json | first '"lastmodified"' '"owner": "kumquat",\n\t\t"lastmodified"' | put $d/json-unknown-field/repo/app.json
dotenv | seal dotenv | first 'type:str\\]' 'type:str] kumquat-behind' | put $d/dotenv-behind/repo/prod.env
dotenv | seal dotenv | sed '1i\
# API_TOKEN=kumquat-typed-later-8f3kQ' | put $d/dotenv-comment/repo/prod.env
dotenv | seal dotenv | sed '1i\
# shellcheck disable=SC2034' | put $d/dotenv-comment-directive/repo/prod.env
ini | seal ini | first 'type:str\\]' 'type:str] kumquat-behind' | put $d/ini-behind/repo/app.ini
ini | seal ini | sed '/^\[db\]/a\
; token = kumquat-typed-later-8f3kQ' | put $d/ini-comment/repo/app.ini
blob | seal binary | { cat; echo 'kumquat-behind-the-object'; } | put $d/binary-behind/repo/store.dat

# --- broken-envelope
d=broken-envelope
break_() { yaml | seal yaml | sed "$2" | put $d/$1/repo/app.yaml; }
break_ yaml-no-mac '/^    mac: /d'
break_ pending-yaml-mac-no-value 's/^    mac: .*/    mac: kumquat/'
break_ yaml-no-lastmodified '/^    lastmodified: /d'
break_ yaml-bad-lastmodified 's/^    lastmodified: .*/    lastmodified: yesterday/'
break_ yaml-offset-lastmodified 's/^    lastmodified: .*/    lastmodified: "2026-05-04T09:12:33+02:00"/'
break_ yaml-no-version '/^    version: /d'
break_ yaml-bad-version 's/^    version: .*/    version: kumquat/'
break_ yaml-old-version 's/^    version: .*/    version: 3.0.5/'
yaml | seal yaml | awk '/^    age:/ { print "    age: []"; skip = 1; next } /^    lastmodified/ { skip = 0 } !skip { print }' | put $d/yaml-no-recipient/repo/app.yaml
yaml | seal yaml | awk '/- enc: \|/ { print "        - enc: \"\""; skip = 1; next } /^    lastmodified/ || /recipient:/ { skip = 0 } !skip { print }' | put $d/yaml-empty-enc/repo/app.yaml
yaml | seal yaml | awk '/- enc: \|/ { print "        - enc: kumquat"; skip = 1; next } /^    lastmodified/ || /recipient:/ { skip = 0 } !skip { print }' | put $d/yaml-unreadable-enc/repo/app.yaml
break_ yaml-threshold 's/^    lastmodified/    shamir_threshold: 3\n    lastmodified/'
yaml | seal yaml | awk '/^db_host/ { print "<<<<<<< HEAD"; print; print "======="; print "db_host: kumquat"; print ">>>>>>> other"; next } { print }' | put $d/yaml-conflict/repo/app.yaml
yaml | seal yaml | awk '/^sops:/ { meta = 1 } { print } meta { all = all $0 "\n" } END { printf "%s", all }' | put $d/yaml-twice/repo/app.yaml
for c in yaml-bare yaml-bare-documentation yaml-bare-template; do
  case $c in *documentation) f=app.md ;; *template) f=app.yaml.tmpl ;; *) f=app.yaml ;; esac
  yaml | seal yaml | sed '/^sops:/,$d' | put $d/$c/repo/$f
done
json | seal json | awk '/^\t"sops":/ { exit } { print }' | sed '$s/,$//' | { cat; echo '}'; } | put $d/json-bare/repo/app.json
json | seal json | awk '!/"mac":/ { print }' | put $d/json-no-mac/repo/app.json
dotenv | seal dotenv | grep -v ^sops_ | put $d/dotenv-bare/repo/prod.env
dotenv | seal dotenv | grep -v ^sops_mac | put $d/dotenv-no-mac/repo/prod.env
ini | seal ini | sed '/^\[sops\]/,$d' | put $d/ini-bare/repo/app.ini
ini | seal ini | sed 's/^mac .*//' | put $d/ini-no-mac/repo/app.ini
blob | seal binary | awk '!/"mac":/ { print }' | put $d/binary-no-mac/repo/store.dat
yaml | seal yaml | awk '/^sops:/ { meta = 1 } !meta { print }' | { cat; echo 'sops: {}'; } | put $d/yaml-empty-block/repo/app.yaml
yaml | seal yaml | awk '/^db_host/ { print "  : [" } { print }' | put $d/yaml-unparsable-narrow/repo/secrets/app.yaml
secret | seal yaml --encrypted-regex "$K8S" | sed '/^    mac: /d' | put $d/lenient-place-metadata/repo/tests/app.yaml
yaml | seal yaml | sed '/^sops:/,$d' | put $d/lenient-place-bare/repo/tests/app.yaml
printf 'version: 1\nvalue: ENC[AES256_GCM,data:…,iv:…,tag:…,type:str]\n' | put $d/yaml-bare-ellipsis/repo/app.yaml

# --- double-encrypted
d=double-encrypted
# What sops before 3.9 did: its own lines of the first run were encrypted by the second.
dotenv | seal dotenv | sed 's/^sops_/inner_/' | seal dotenv | awk '/^inner_/ { sub(/^inner_/, "sops_"); print; next } /^sops_/ { next } { print }' | put $d/dotenv/repo/prod.env
dotenv | seal dotenv | sed 's/^sops_/inner_/' | seal dotenv | put $d/dotenv-other-fields/repo/prod.env
{ yaml | seal yaml; } > "$away/inner"
{ yaml; echo 'nested_unencrypted: |'; sed 's/^/    /' "$away/inner"; } | seal yaml | put $d/yaml-nested-spared/repo/app.yaml
yaml | seal yaml | before_sops "$(echo 'nested: |'; sed 's/^/    /' "$away/inner")" | put $d/yaml-nested/repo/app.yaml
{ echo 'nested: |'; sed 's/^/    /' "$away/inner"; yaml; } | seal yaml | put $d/yaml-nested-sealed/repo/app.yaml
json | seal json | sed "s|^{|{\n\t\"nested\": $(json | seal json | python3 -c 'import json,sys; print(json.dumps(sys.stdin.read()).replace("\\","\\\\"))'),|;" | put $d/json-nested/repo/app.json
secret | sed '/token/d;s/password: .*/values.yaml: |/' | { cat; sed 's/^/        /' "$away/inner"; } | put $d/secret-with-envelope/repo/app.yaml
blob | seal binary > "$away/once"
put $d/binary-between-versions/head/store.dat < "$away/once"
seal binary < "$away/once" | put $d/binary-between-versions/repo/store.dat
put $d/binary-grown/head/store.dat < "$away/once"
{ blob; echo kumquat; } | seal binary | put $d/binary-grown/repo/store.dat
ini | seal ini | put $d/ini-once/repo/app.ini

# --- hollow-envelope
d=hollow-envelope
yaml | seal yaml --encrypted-regex "$K8S" | put $d/yaml/repo/values.yaml
yaml | sed 's/^db_password/data/' | seal yaml --encrypted-regex "$K8S" | put $d/yaml-one-key/repo/values.yaml
json | seal json --encrypted-regex "$K8S" | put $d/json/repo/values.json
json | sed 's/db_password/data/' | seal json --encrypted-regex "$K8S" | put $d/json-one-key/repo/values.json
dotenv | seal dotenv --encrypted-regex "$K8S" | put $d/dotenv/repo/prod.env
dotenv | sed 's/^DB_PASSWORD/data/' | seal dotenv --encrypted-regex "$K8S" | put $d/dotenv-one-key/repo/prod.env
ini | seal ini --encrypted-regex "$K8S" | put $d/ini/repo/app.ini
ini | sed 's/^password/data/' | seal ini --encrypted-regex "$K8S" | put $d/ini-one-key/repo/app.ini
secret | seal yaml --encrypted-regex '^(data | stringData)$' | put $d/yaml-blanks/repo/values.yaml
yaml | seal yaml --encrypted-suffix _secret | put $d/yaml-suffix/repo/values.yaml
printf 'db_password: ""\nother: null\nempty: {}\n' | seal yaml | put $d/yaml-empty/repo/values.yaml
printf 'data: ""\nother: kumquat\n' | seal yaml --encrypted-regex "$K8S" | put $d/yaml-empty-in-scope/repo/values.yaml
printf 'a_unencrypted: kumquat\n' | seal yaml | put $d/yaml-all-spared/repo/values.yaml
blob | seal binary | awk '/"data":/ { print "\t\"data\": \"kumquat-licence-not-a-real-one\\nsecond line\\n\","; next } /"version":/ { print "\t\t\"encrypted_regex\": \"^(data2|stringData)$\","; } { print }' | put $d/binary-old/repo/store.dat

# --- decrypted-file: HEAD holds the envelope, the disk what was in it
d=decrypted-file
for c in yaml yaml-external yaml-emptied yaml-removed-value yaml-lenient; do
  case $c in *lenient) f=tests/app.yaml ;; *) f=app.yaml ;; esac
  secret | seal yaml --encrypted-regex "$K8S" | put $d/$c/head/$f
done
yaml | seal yaml | put $d/yaml-broad/head/app.yaml
yaml | seal yaml | put $d/yaml-renamed/head/app.yaml
yaml | seal yaml | put $d/yaml-template/head/app.yaml.tmpl
yaml | seal yaml | put $d/yaml-deleted/head/app.yaml
yaml | seal yaml | put $d/yaml-edited/head/app.yaml
yaml | seal yaml | put $d/yaml-edited/repo/app.yaml
json | seal json | put $d/json/head/app.json
json | seal json | put $d/json-null/head/app.json
dotenv | seal dotenv | put $d/dotenv/head/prod.env
dotenv | seal dotenv | put $d/dotenv-empty/head/prod.env
ini | seal ini | put $d/ini/head/app.ini
ini | seal ini | put $d/ini-empty/head/app.ini
blob | seal binary | put $d/binary/head/store.dat
blob | seal binary | put $d/binary-empty/head/store.dat

# --- decrypted-copy
d=decrypted-copy
for c in dotenv dotenv-other-lengths dotenv-half dotenv-under-half; do
  { dotenv; printf 'API_TOKEN=kumquat-not-a-real-token\nMAIL_PASSWORD=kumquat-not-a-real-mail\n'; } | seal dotenv | put $d/$c/repo/deploy/prod.enc.env
done
dotenv | seal dotenv | put $d/dotenv-example/repo/deploy/prod.enc.env
for c in yaml yaml-other-directory yaml-dec yaml-ignored yaml-lenient; do
  case $c in *lenient) f=tests/app.sops.yaml ;; *) f=app.sops.yaml ;; esac
  yaml | seal yaml | put $d/$c/repo/$f
done
yaml | seal yaml | put $d/yaml-bak/repo/app.yaml
json | seal json | put $d/json/repo/app.enc.json
json | seal json | put $d/json-other-lengths/repo/app.enc.json
ini | seal ini | put $d/ini/repo/app.enc.ini
ini | seal ini | put $d/ini-other-lengths/repo/app.enc.ini
blob | seal binary | put $d/binary/repo/store.dat.enc
blob | seal binary | put $d/binary-other-length/repo/store.dat.enc

# --- recipients and options of file and rule
for c in recipient-missing/yaml recipient-missing/yaml-same; do yaml | seal yaml | put $c/repo/app.yaml; done
json | seal json | put recipient-missing/json/repo/app.json
dotenv | seal dotenv | put recipient-missing/dotenv/repo/prod.env
ini | seal ini | put recipient-missing/ini/repo/app.ini
blob | seal binary | put recipient-missing/binary/repo/store.dat
yaml | seal yaml --age "$B,$A" | put recipient-missing/yaml-other-order/repo/app.yaml
yaml | seal yaml | put recipient-missing/yaml-no-rule/repo/app.yaml
yaml | seal yaml | put recipient-missing/rule-without-keys/repo/app.yaml
for c in yaml yaml-named; do yaml | seal yaml --age "$A,$B" | put recipient-extra/$c/repo/app.yaml; done
json | seal json --age "$A,$B" | put recipient-extra/json/repo/app.json
dotenv | seal dotenv --age "$A,$B" | put recipient-extra/dotenv/repo/prod.env
ini | seal ini --age "$A,$B" | put recipient-extra/ini/repo/app.ini
blob | seal binary --age "$A,$B" | put recipient-extra/binary/repo/store.dat
yaml | seal yaml --age "$B" | put recipient-extra/yaml-replaced/repo/app.yaml
d=scope-drift
secret | seal yaml --encrypted-regex "$K8S" | put $d/yaml/repo/app.yaml
secret | seal yaml --encrypted-regex "$K8S" | put $d/yaml-same/repo/app.yaml
secret_json | seal json --encrypted-regex "$K8S" | put $d/json/repo/app.json
dotenv | seal dotenv --encrypted-regex '^DB_' | put $d/dotenv/repo/prod.env
ini | seal ini --encrypted-regex '^password$' | put $d/ini/repo/app.ini
yaml | seal yaml | put $d/yaml-default/repo/app.yaml
yaml | seal yaml | put $d/yaml-default-spelt-out/repo/app.yaml
yaml | seal_mac_only | put $d/yaml-mac/repo/app.yaml
yaml | seal_mac_only | put $d/yaml-mac-same/repo/app.yaml
blob | seal binary | put $d/binary/repo/store.dat

# --- encrypted-identity
d=encrypted-identity
secret | seal yaml | put $d/yaml/repo/app.yaml
secret | seal yaml --encrypted-regex "$K8S" | put $d/yaml-selected/repo/app.yaml
secret_json | seal json | put $d/json/repo/app.json
secret_json | seal json --encrypted-regex "$K8S" | put $d/json-selected/repo/app.json
secret | seal yaml --encrypted-regex '^(name|stringData)$' | put $d/yaml-name/repo/app.yaml
secret | sed 's/    name: kumquat/    name: kumquat\n    labels:\n        app: kumquat/' | seal yaml --encrypted-regex '^(labels|stringData)$' | put $d/yaml-labels/repo/app.yaml
yaml | seal yaml | put $d/yaml-values/repo/values.yaml
printf 'kind: kumquat\nname: kumquat\n' | seal yaml | put $d/yaml-no-manifest/repo/values.yaml

# --- decryption-missing
d=decryption-missing
for c in direct decrypts elsewhere through-resources kustomize not-reached patched; do
  secret | seal yaml --encrypted-regex "$K8S" | put $d/$c/repo/apps/kumquat/db.sops.yaml
done
secret_json | seal json --encrypted-regex "$K8S" | put $d/json/repo/apps/kumquat/db.sops.json
dotenv | seal dotenv | put $d/generator/repo/apps/kumquat/db.sops.env

# --- ungoverned-ciphertext
d=ungoverned-ciphertext
for c in yaml yaml-catch-all pending-yaml-some-paths pending-yaml-no-config; do yaml | seal yaml | put $d/$c/repo/tools/app.yaml; done
json | seal json | put $d/json/repo/tools/app.json
dotenv | seal dotenv | put $d/dotenv/repo/tools/prod.env
ini | seal ini | put $d/ini/repo/tools/app.ini
blob | seal binary | put $d/binary/repo/tools/store.dat

# --- envelopes beside what other checks are about
last='{"apiVersion":"v1","kind":"Secret","metadata":{"name":"kumquat"},"stringData":{"password":"kumquat-not-a-real-one"}}'
secret | sed "s|    name: kumquat|    name: kumquat\n    annotations:\n        kubectl.kubernetes.io/last-applied-configuration: '$last'|" | seal yaml --encrypted-regex "$K8S" | put last-applied-secret/beside-ciphertext/repo/app.yaml
sealed=$(secret | seal yaml --encrypted-regex "$K8S" | sed -n 's/^    password: //p')
secret | sed "s|    name: kumquat|    name: kumquat\n    annotations:\n        kubectl.kubernetes.io/last-applied-configuration: '$(printf '%s' "$last" | sed "s|kumquat-not-a-real-one|$sealed|")'|" | seal yaml --encrypted-regex "$K8S" | put last-applied-secret/holds-ciphertext/repo/app.yaml
dotenv | seal dotenv | put generator-source/env-sealed/repo/db.env
yaml | seal yaml | put generator-source/file-sealed/repo/values.yaml
blob | seal binary | put generator-source/binary-sealed/repo/store.dat
for c in outlier eighty-percent selector; do
  for n in 1 2 3 4; do
    [ "$c/$n" = eighty-percent/4 ] && continue
    if [ $c = selector ]; then secret | seal yaml --encrypted-regex "$K8S"; else yaml | seal yaml; fi | put unencrypted-file/habit-$c/repo/apps/config$n.yaml
  done
done
yaml | seal yaml | put unencrypted-file/habit-lone/repo/apps/config1.yaml
for f in yaml json dotenv ini blob; do
  case $f in yaml) t=yaml e=.yaml ;; json) t=json e=.json ;; dotenv) t=dotenv e=.env ;; ini) t=ini e=.ini ;; blob) t=binary e=.key ;; esac
  $f | seal $t | put unencrypted-file/encrypted-all-formats/repo/secrets/app$e
done
secret | seal yaml --encrypted-regex "$K8S" | put plaintext-secret/yaml-sealed/repo/app.yaml
secret_json | seal json --encrypted-regex "$K8S" | put plaintext-secret/json-sealed/repo/app.json
yaml | seal yaml --encrypted-regex "^(?!kind).*" 2>/dev/null | put scope-regex-invalid/hollow-file/repo/app.yaml || true
for c in lenient-opens-live-file; do yaml | seal yaml --age age1xc6g92eyc2d6x9ms27s5g7k08a84ykgqhhxkjktzrfzn5hwyw33sd5dfrd | put private-key/$c/repo/app.yaml; done
yaml | seal yaml | put rule-unused/governs-ciphertext/repo/prod/app.yaml
