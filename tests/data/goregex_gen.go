//go:build ignore

// Produces goregex.json, the vectors for src/sops/goregex.rs: what Go's regexp package says about patterns.
// Run in this directory with Go 1.26: go run goregex_gen.go > goregex.json
package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"regexp"
	"runtime"
	"strings"
)

type group struct {
	name     string
	inputs   []string
	patterns []string
}

type verdict struct {
	Pattern string `json:"pattern"`
	OK      bool   `json:"ok"`
	// One digit an input of the group: 1 for a match.
	Matches string `json:"matches,omitempty"`
}

func rep(s string, n int) string { return strings.Repeat(s, n) }

var groups = []group{
	{"the table of differences", []string{
		"", "a", "b", "k", "A", "x", "aa", "ab", "aB", "٣", "١٢٣", "123", "naïve", "naive", "a\u00a0b", "a\vb", "a\tb", "a b",
		"ée", "e", "éx", "A.B", "AxB", "[draft", "a{,3}", "aaa", "{", "a{x}", "{{ x", "a{2 }", "&", "a&&b", "b]", "-", "+", "~",
		"[", "]", "a]", ".", "a\n", "a\nb", "\u212a", "é", "STRASSE", "straße", "α", "Ω", "\n", "\x00", "<", ">", "z", "ſ",
		"_", "}", "!", "\u2028", "Dž", "١", "0", "😀",
	}, []string{
		`^\d+$`, `^\w+$`, `a\sb`, `\be`, `\Bx`, `^\QA.B\E$`, `\Q[draft`, `^a{,3}$`, `{`, `a{x}`, `{{ .*`, `^a{2 }$`,
		`a{1001}`, `a{1000}`, `a**`, `a++`, `a{1,2}{3}`, `a*+`, `a?*`, `a+?`, `a+??`, `a??`, `a???`, `a{2}?`, `a{2}??`,
		`^[a&&b]$`, `^[a-z&&[^aeiou]]$`, `[a--b]`, `^[+--]$`, `^[a~~b]$`, `[[]`, `[[a]`, `^[[a]]$`, `[[:foo:]]`,
		`[\w-.]`, `[\d-z]`, `\p{^Greek}`, `\p{Script=Greek}`, `\p{Alphabetic}`, `\p{Letter}`, `\p{greek}`, `\101`, `\012`,
		`\0`, `\1`, `(a)\1`, `\u0041`, `\U00000041`, `\<`, `\>`, `\b{start}a`, `(?x)a b`, `(?u)a`, `(?R)a`, `(?)a`,
		`(?ii)a`, `(?P<n>a)(?P<n>b)`, `(?<n>a)`, `\C`, `\X`, `\Z`, `\h`, `\cA`, `\e`, `(?=a)`, `(?!a)`, `(?<=a)`, `(?<!a)`,
		`(?>a)`, `a$`, `a.b`, `(?i)k`, `^.$`, `(?i)straße`, `\x{D800}`, `[a-\d]`, `[z-a]`, `[]`, `[`, `[]a]`,
	}},
	{"quantifiers and braces", []string{
		"", "a", "aa", "aaa", "aaaa", "ab", "abab", "b", "{", "{}", "{,}", "a{", "a{1", "a{1,", "{1", "a{01}", "a{-1}", "a{a}",
		"x{2}", "*", "a*", "(*)", "|", "a{,2}", "^^", rep("a", 1000), rep("a", 1001), rep("ab", 500),
	}, []string{
		`*`, `+`, `?`, `{2}`, `{2,3}`, `{,2}`, `a{2}`, `^a{2}$`, `^a{2,}$`, `^a{2,3}$`, `a{3,2}`, `a{01}`, `a{1`, `a{1,`,
		`a{1,2`, `a{,2}`, `a{-1}`, `a{a}`, `a{1,a}`, `a{99999999999}`, `a{1,99999999999}`, `a{1000}`, `^a{1000}$`,
		`a{1000,}`, `a{0,1000}`, `a{1001,}`, `a{0,1001}`, `(a{100}){10}`, `(a{100}){11}`, `(a{1000}){1}`, `(a{1000}){2}`,
		`(a{1000}){0}`, `((a{10}){10}){10}`, `((a{10}){10}){11}`, `((a{10}){10}){10,}`, `(a{500}){2,3}`, `(a{2,}){500}`,
		`(a{2,}){501}`, `(a{0,}){1000}`, `((a{1000}){0}){2}`, `(a{1000}b{1000}){1}`, `(a{1000}|b{1000})?`, `(?:a{1000})*`,
		`(*)`, `(|*)`, `a|*`, `(?i)*`, `a(?i)*`, `a*(?i)*`, `a*\Q\E*`, `a*\Qb\E*`, `\Qab\E*`, `^*`, `^+`, `$*`, `\b*`, `\b+`,
		`^{2}`, `()*`, `(a|)*`, `(?:)+`, `(?:){1000}`, `(a*)*`, `(a+)+`, `(a*)+`, `(?:a*){3}`, `(?U)a+`, `(?U)a+?`, `(?U:a*)b`,
		`a{0}`, `^a{0}$`, `a{0,0}b`, `^(?:ab){2}$`, `x{2}{3}`, `a{2}*`, `a{2}+`, `a{2}{`, `a*{`, `a*{a}`, `a|b*`, `(a|b)*c|d`,
		`{`, `{}`, `{,}`, `{a`, `}`, `a}`, `}{`, `a{}`, `a{ 2}`, `a{2,3`, `a{2 ,3}`, `.{1000}`, `(.{10}){100}`, `^.{3}$`,
		`(?:a?){1000}a{1000}`, `(((a{3}){3}){3}){3}`, `(((((a{4}){4}){4}){4}){4})`, `(((((a{4}){4}){4}){4}){3})`,
		`\*`, `a\{2}`, `\(\*\)`, `a**?`, `a*?*`, `a{2}?{3}`, `a??{2}`, `\pL{9}`, `[^/]{1000}`,
	}},
	{"groups and flags", []string{
		"", "a", "A", "b", "B", "ab", "AB", "aB", "Ab", "a\nb", "\na", "a\n", "\n", "abc", "ABC", "a b", "ſ", "k", "K", "\u212a",
		"é", "É", "ss", "ß", "i", "İ", "ı", "σ", "ς", "Σ", "-", "1", "µ", "μ", "ǆ", "ǅ",
	}, []string{
		`(`, `)`, `()`, `(()`, `())`, `(a`, `a)`, `(?`, `(?:`, `(?:)`, `(?:a`, `(?i`, `(?i)`, `(?-)`, `(?i-)`, `(?-i)`,
		`(?--i)`, `(?i--s)`, `(?i-s)a.b`, `(?i-s:a.b)`, `(?s)a.b`, `(?s:a.b)`, `(?-s:a.b)`, `(?s)(?-s)a.b`, `(?m)^a$`,
		`(?m)^$`, `(?m:^)a`, `(?m)a$`, `(?-m)a$`, `(?ms)^.+$`, `(?msiU)a`, `(?imsU-imsU)a`, `(?i)a(?-i)b`, `(?i:a)b`,
		`a(?i)b|c`, `(a(?i)b)c`, `(?i)(?-i:a)b`, `(?:(?i)a)b`, `((?i)a|b)c`, `(?i)k`, `(?i)s`, `(?i)ſ`, `(?i)[k]`,
		`(?i)[^k]`, `(?i)[a-z]`, `(?i)[^a-z]`, `(?i)\w`, `(?i)\W`, `(?i)^\W$`, `(?i)[\W]`, `(?i)[^\w]`, `(?i)[[:alpha:]]`,
		`(?i)[[:^alpha:]]`, `(?i)[[:lower:]]`, `(?i)\p{Lu}`, `(?i)\P{Lu}`, `(?i)\p{Ll}`, `(?i)[^\p{Lu}]`, `(?i)[\P{Ll}]`,
		`(?i)é`, `(?i)ß`, `(?i)i`, `(?i)ı`, `(?i)σ`, `(?i)µ`, `(?i)ǆ`, `(?i)\x41`, `(?i)\101`, `(?i)\Qa.b\E`, `(?i)K`,
		`(?i)\pN`, `(?i)\p{ascii}`, `(?i)^\P{ascii}$`, `(?P<name>a)`, `(?P<name>`, `(?P<name`, `(?P<na me>a)`, `(?P<>a)`,
		`(?P<n-a>a)`, `(?P<1>a)`, `(?P<_>a)`, `(?P<é>a)`, `(?P=n)`, `(?P>n)`, `(?P`, `(?P<`, `(?<`, `(?<>a)`, `(?<a`,
		`(?<n>a)(?<n>b)`, `(?'n'a)`, `(?#a)`, `(?|a)`, `(?i:(?s:(?m:a)))`, `(?a)`, `(?L)a`, `(?n)a`, `(?1)`, `(?&n)`,
		`(?iI)a`, `(? i)a`, `(?i )a`, `(?i:`, `|`, `||`, `a|`, `|a`, `(|)`, `(a||b)`, `^(|a)$`, `(?:a|b|c)`, `^(?:a|ab)(?:c|)$`,
		"(?i)\u212a", `(?=`, `(?!`, `(?<=a>)`, `(?<!a)b`, `(a)(?=b)`, `(?:a)(?!b)`, `(?i)a|(?-i)b`, `(?s).`, `^(?s).$`,
		rep("(", 999) + "a" + rep(")", 999), rep("(", 1001) + "a" + rep(")", 1001), rep("(?:", 3000) + "a" + rep(")", 3000),
		rep("x(", 499) + "a" + rep(")", 499), rep("x(", 500) + "a" + rep(")", 500), rep("(", 500) + "a" + rep(")*", 500),
		rep("(?:", 1000) + "a" + rep(")*", 1000), rep("(?:", 200) + "a" + rep(")?", 200), rep("(", 50) + rep(")*", 50),
	}},
	{"classes", []string{
		"", "a", "b", "c", "d", "z", "A", "-", "]", "[", "^", "&", "~", "\\", ".", ":", "_", "1", "a]", "b]", "^a", "[:", "x:]",
		"\t", "\n", "\v", "\r", " ", "\x7f", "\x00", "é", "α", "Я", "中", "١", "😀", "\u00a0", "\ue000", "\ud7ff", "ǅ", "+", "$",
	}, []string{
		`[a]`, `[^a]`, `[a-c]`, `[^a-c]`, `[-a]`, `[a-]`, `[a-c-]`, `[a-c-e]`, `[--a]`, `[-]`, `[^-]`, `[^]`, `[^]a]`, `[]-a]`,
		`[]`, `[]]`, `[[]`, `[]`, `[a`, `[a-`, `[a-\]`, `[^`, `[\`, `[\]]`, `[\]a]`, `[\^a]`, `[a^]`, `[\-a]`, `[a\-c]`, `[\\]`,
		`[a-a]`, `[c-a]`, `[\x61-\x63]`, `[\x63-\x61]`, `[\d]`, `[\D]`, `[^\d]`, `[^\D]`, `[\d\D]`, `[^\d\D]`, `[\w\s]`, `[\W]`,
		`[^\W]`, `[\s]`, `[\S]`, `^[^\s]$`, `[\d-z]`, `[a-\d]`, `[\w-]`, `[-\w]`, `[\w-z-a]`, `[.-\w]`, `[\pL]`, `[\PL]`, `[^\pL]`,
		`[\p{Greek}]`, `[\p{^Greek}]`, `[^\p{^Greek}]`, `[\p{Greek}a-c]`, `[a-\pL]`, `[\p{Nope}]`, `[\p]`, `[\pX]`, `[\p{]`,
		`\pL`, `\PL`, `\p{L}`, `\P{L}`, `\P{^L}`, `\p{^L}`, `\pl`, `\p{lu}`, `\p{LU}`, `\p{l u}`, `\p{l_u}`, `\p{L-u}`, `\p{}`,
		`\p{^}`, `\p{^^L}`, `\p^L`, `\p`, `\pé`, `\p{`, `\p{L`, `\P`, `\p{Any}`, `\P{Any}`, `\p{any}`, `\p{Assigned}`,
		`\P{Assigned}`, `\p{ASCII}`, `\p{Cn}`, `\p{Cs}`, `\P{Cs}`, `\p{Co}`, `\pC`, `\p{LC}`, `\p{L&}`, `\p{Cased_Letter}`,
		`\p{Uppercase_Letter}`, `\p{uppercaseletter}`, `\p{Surrogate}`, `\p{digit}`, `\p{punct}`, `\p{cntrl}`, `\p{space}`,
		`\p{alpha}`, `\p{Han}`, `\p{Latin}`, `\p{Cyrillic}`, `\p{Arabic}`, `\p{Common}`, `\p{Inherited}`, `\p{Old_Italic}`,
		`\p{OldItalic}`, `\p{Linear_B}`, `\p{SignWriting}`, `\p{Nko}`, `\p{Zzzz}`, `\p{Grek}`, `\p{IsGreek}`, `\p{InGreek}`,
		`\p{gc=Lu}`, `\p{sc=Greek}`, `\p{White_Space}`, `\p{Emoji}`, `\p{Sc}`, `\p{Lm}`, `\p{Lt}`, `\p{Titlecase_Letter}`,
		`[[:alpha:]]`, `[[:^alpha:]]`, `[^[:alpha:]]`, `[[:alnum:]]`, `[[:ascii:]]`, `[[:blank:]]`, `[[:cntrl:]]`, `[[:digit:]]`,
		`[[:graph:]]`, `[[:lower:]]`, `[[:print:]]`, `[[:punct:]]`, `[[:space:]]`, `[[:upper:]]`, `[[:word:]]`, `[[:xdigit:]]`,
		`[[:^space:]]`, `[[:^word:]]`, `[[:Alpha:]]`, `[[:alpha:]-z]`, `[a-[:alpha:]]`, `[[:alpha:]`, `[:alpha:]`, `[[:alpha]]`,
		`[[:a]`, `[[:a]x:]`, `[[:]`, `[[:]]`, `[[::]]`, `[[:^:]]`, `[[.a.]]`, `[[=a=]]`, `[a[:digit:]b]`, `[^a[:digit:]\n]`,
		`[\x{D800}]`, `[^\x{D800}]`, `[\x{D000}-\x{E000}]`, `[^\x{0}-\x{10FFFF}]`, `[\x{0}-\x{10FFFF}]`, `[\x{D800}-\x{DFFF}]`,
		`[^\x{D800}-\x{DFFF}]`, `[a\x{D800}]`, `[\x{DFFF}-\x{E000}]`, `[a-z&&[^b]]`, `[a||b]`, `[a--]`, `[&&]`, `[~~a]`, `[#a]`,
		`[ a]`, `[*+?.]`, `[$^]`, `[(|)]`, `[{}]`, `[\b]`, `[\A]`, `[\z]`, `[\Qa\E]`, `[\E]`, `[\n]`, `[^\n]`, `[\t-\r]`, `[\a\f\v]`,
		`[\0]`, `[\00]`, `[\101]`, `[\1]`, `[\12]`, `[\8]`, `[\u0041]`, `[\é]`, `[é]`, `[^é]`, `[α-ω]`, `[а-я]`, `[é-a]`, `(?s)[^a]`,
	}},
	{"escapes", []string{
		"", "a", "A", "S", "\a", "\f", "\n", "\r", "\t", "\v", "\x08", "\x00", "\x01", "\x0f", "é", "ÿ", "Ā", "😀", "\\", "\\E", "a.b", "axb",
		"a\\", "[", ".*", "\\Q", "1", "8", "\x018", "\n8", "q", "_", "/", "\"", "'", "@", "`", "~", "\x7f", "ǿ", "aa b", "ab", "a b", "aéa", "éé",
	}, []string{
		`\`, `a\`, `\\`, `\a`, `\f`, `\n`, `\r`, `\t`, `\v`, `\b`, `\B`, `\A`, `\z`, `\Z`, `\G`, `\K`, `\R`, `\N`, `\H`, `\V`, `\E`, `a\E`, `\Q`, `\Q\E`,
		`\Qa.b`, `\Qa.b\E`, `\Qa.b\Eb`, `\Qa\\E`, `\Q.*\E`, `\Q\Q\E`, `\Qa\E\E`, `\Q[\E`, `\Q(\E`, `\Q\`, `\QE`, `x\Qa\Ey`, `\Q😀\E`,
		`\0`, `\00`, `\000`, `\0000`, `\01`, `\018`, `\08`, `\1`, `\11`, `\12`, `\128`, `\7`, `\77`, `\777`, `\8`, `\9`, `\88`, `\400`,
		`\101`, `\1018`, `\x`, `\x4`, `\x41`, `\x4g`, `\xg4`, `\x{}`, `\x{41}`, `\x{041}`, `\x{0000000041}`, `\x{g}`, `\x{41`, `\x{ 41}`, `\x{+41}`,
		`\x{10FFFF}`, `\x{110000}`, `\x{FFFFFFFFFF}`, `\x{1F600}`, `\x{1f600}`, `\xFF`, `\xé`, `\x{é}`, `\x4é`, `\u0041`, `\U0041`, `\_`, `\-`, `\/`, `\"`, `\'`,
		`\@`, `\!`, `\#`, `\%`, `\&`, `\,`, `\:`, `\;`, `\<`, `\=`, `\>`, "\\`", `\~`, `\ `, "\\\n", "\\\x7f", `\é`, `\q`, `\y`, `\i`, `\j`, `\k`, `\k<n>`,
		`\g1`, `\l`, `\L`, `\m`, `\M`, `\o{101}`, `\O`, `\T`, `\c`, `\ca`, `\ba`, `a\b`, `\bé`, `\b é`, `^\b`, `\b$`, `^\B$`, `\B\B`, `a\Bb`, `a\b\B`,
		`\ba\b`, `\b\Ba`, `\x{DFFF}`, `a|\x{D800}`, `\x{D800}*a`, `\d\D`, `\s\S`, `\w\W`, `^\B`, `\B$`, `\Aa\z`, `a\Ab`, `a\zb`, `a$b`, `a^b`, `(?m)a$\nb`,
	}},
	{"rules of real configs", []string{
		".sops.yaml", "secrets.yaml", "secrets.yml", "secret.yaml", "secrets/x.yaml", "secrets/a/b.yaml", "a/secrets/x.yaml", "my-secrets/x.yaml",
		"secretsXyaml", "a/b.sops.yaml", "a/b.sops.yml", "b.sops.json", "a.enc.yaml", "a.enc.env", ".env", "prod.env", "services/api/prod.env",
		".env.prod", "a/.env.local", "hosts/amy/secrets.yaml", "hosts/amy/secrets/x", "kubernetes/apps/a/b.yaml", "kubernetes/apps/secret.sops.yaml",
		"clusters/prod/x.yaml", "clusters/dev/cluster-secrets.yaml", "dev/x", "prod/x/y.json", "vault/x.yaml", "external-secrets/x.yaml", "a.secret.yaml",
		"talos/talsecret.sops.yaml", "terraform/prod.tfvars", "x.ini", "x.JSON", "X.YAML", "group_vars/all/vault.yml", "a b/c d.yaml", "ümläut/x.yaml",
		"a\\b.yaml", "creds/{env}/a.yaml", "secrets.d/a-b.json", "a/b/c/d/e/f/g.yaml", "", "x",
	}, []string{
		``, `.*`, `.+`, `.`, `^.*$`, `\.yaml$`, `.yaml$`, `\.ya?ml$`, `\.(yaml|yml)$`, `.*\.ya?ml$`, `.*.yaml`, `*.yaml`, `**/*.yaml`, `secrets/*.yaml`,
		`.*\.sops\.ya?ml$`, `.*\.sops\.(yaml|yml|json|env|ini)$`, `\.sops\.`, `[^/]+\.sops\.yaml`, `(.*)?\.secret\.yaml`, `.*secret.*`, `secret`,
		`secrets?\.ya?ml$`, `secrets.yaml$`, `^secrets.yaml$`, `^secrets/`, `secrets/`, `secrets/.*`, `^secrets/.*`, `^secrets/[^/]+\.(yaml|json|env|ini)$`,
		`secrets/[^/]+\.(yaml|json)$`, `(^|/)secrets/`, `.*/secrets/.*`, `^(.*/)?secrets/.+\.ya?ml$`, `hosts/[^/]+/secrets/.*`, `hosts/.+/secrets.yaml$`,
		`^hosts/(amy|bob)/secrets\.yaml$`, `kubernetes/.*\.ya?ml$`, `^kubernetes/.*\.sops\.ya?ml$`, `kubernetes/.+\.sops\.yaml`, `clusters/prod/.*`,
		`clusters/(dev|prod)/.*`, `(dev|prod)/.*`, `^(dev|prod|staging)/[^/]+$`, `vault/`, `external-secrets/`, `.*\.env$`, `\.env$`, `^\.env`, `\.env(\..*)?$`,
		`\.env.*`, `(?i)secret`, `(?i)^secrets/.*\.ya?ml$`, `(?i)\.yaml$`, `^(?!.*test).*\.yaml$`, `.*(?<!plain)\.yaml$`, `^\Qsecrets.d/\E[\w-.]+\.json$`,
		`^creds/{env}/.*`, `creds/{env}`, `talos/.*\.sops\.ya?ml`, `talsecret(\.sops)?\.ya?ml`, `.*\.tfvars$`, `\.enc\.`, `enc\.(yaml|env)$`, `.*\.enc\.(ya?ml|json|env)`,
		`^group_vars/.*/vault\.yml$`, `.*cluster-secrets.*\.yaml`, `/secrets/`, `^/secrets/`, `\./secrets/.*`, `.*[/\\]b\.yaml`, `\\`, `[a-z]+\.yaml`, `^[a-zA-Z0-9_.-]+/x\.yaml$`,
		`^[[:alnum:]]+\.yaml$`, `\w+/x.yaml$`, `^\w+/x.yaml$`, `^\S+$`, `^\S+\.yaml$`, `\s`, `^[^/]+$`, `^[^/]*/[^/]*$`, `^(?:[^/]+/){3}`, `^([^/]+/)*secrets\.yaml$`,
		`(data|stringData)`, `^(data|stringData)$`, `^(password|token|secret|key).*`, `_enc$`, `.{40}`, `^.{0,12}$`, `(.+/)?x`, `x{1}`, `prod|dev`, `^prod|dev$`, `(a|b|c).*(x|y)`,
		"secrets/.*\n", "^secrets/.*\n?$", `\.yaml\z`, `\A\.sops\.yaml\z`, `\bsecret\b`, `\bsecrets\b`, `[.]sops[.]ya?ml$`, `.*\.(sops|enc)\.(yaml|json)$`, `.*/$`, `/`, `^$`,
	}},
}

func main() {
	out := bytes.Buffer{}
	line := func(value any) string {
		b := bytes.Buffer{}
		e := json.NewEncoder(&b)
		e.SetEscapeHTML(false)
		if err := e.Encode(value); err != nil {
			panic(err)
		}
		return strings.TrimSpace(b.String())
	}
	fmt.Fprintf(&out, "{ \"go\": %s, \"groups\": [\n", line(runtime.Version()))
	for i, g := range groups {
		fmt.Fprintf(&out, "{ \"name\": %s,\n  \"inputs\": %s,\n  \"patterns\": [\n", line(g.name), line(g.inputs))
		for j, p := range g.patterns {
			v := verdict{Pattern: p}
			if re, err := regexp.Compile(p); err == nil {
				v.OK = true
				for _, in := range g.inputs {
					if re.MatchString(in) {
						v.Matches += "1"
					} else {
						v.Matches += "0"
					}
				}
			}
			comma := ","
			if j == len(g.patterns)-1 {
				comma = ""
			}
			fmt.Fprintf(&out, "    %s%s\n", line(v), comma)
		}
		comma := ","
		if i == len(groups)-1 {
			comma = ""
		}
		fmt.Fprintf(&out, "] }%s\n", comma)
	}
	fmt.Fprintln(&out, "] }")
	os.Stdout.Write(out.Bytes())
}
