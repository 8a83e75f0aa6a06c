#!/bin/bash
# The command line, as far as it goes without a system that answers: help,
# wrong use, broken documents, keys, locks and stores, and what is printed.
#
#   test-cli.sh TREATY SOURCE
set -u
treaty=$(realpath "$1") source=$(realpath "$2")
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir" || exit 1
unset TREATY_DEPLOYMENT
failed=0 passed=0

fail() {
	failed=$((failed + 1))
	printf 'FAIL %s\n' "$*"
	sed 's/^/     out: /' out
	sed 's/^/     err: /' err
}

# expect CODE TEXT ARGUMENT...: exits so, and TEXT (a basic regular expression)
# is in what it printed.
expect() {
	local code=$1 text=$2
	shift 2
	"$treaty" "$@" >out 2>err </dev/null
	local got=$?
	if [ $got != "$code" ]; then
		fail "treaty $*: exit $got, not $code"
	elif ! grep -q -- "$text" out err; then
		fail "treaty $*: does not say '$text'"
	else
		passed=$((passed + 1))
	fi
	# nothing that is secret is ever printed, whatever happens
	grep -q 'never-print-this' out err && fail "treaty $*: prints a secret"
}

# json PYTHON: true of the object 'o' that the last command printed.
json() {
	if python3 -c "import json,sys; o=json.load(open('out')); sys.exit(0 if ($1) else 1)" 2>>err; then
		passed=$((passed + 1))
	else
		fail "JSON: not so: $1"
	fi
}

deployment() {
	cat >deployment.yaml <<-END
		deployment: 1
		treaty: treaty.yaml
		store: {path: acme.db, key: $1}
		systems:
		  ats:
		    connector: $2
		    url: http://127.0.0.1:1/rest-services
		    login: {username: me, password: env:PASSWORD, client_id: c, client_secret: env:PASSWORD}
		    limits: {per_minute: 100}
		  salesforce:
		    connector: salesforce
		    url: http://127.0.0.1:1
		    login: {client_id: c, username: me, key: file:jwt.pem}
	END
}

export PASSWORD=never-print-this-password
cp "$source/examples/acme/treaty.yaml" .
echo never-print-this-key-of-the-store >store.key
openssl genrsa -out jwt.pem 2048 2>/dev/null
deployment file:store.key bullhorn

# ---- help, and wrong use

expect 0 '^usage: treaty VERB' --help
expect 64 '^usage: treaty VERB'
expect 0 '^treaty [0-9]' --version
for verb in check preview link run status conflicts explain pause resume mark sweep audit diff keygen sign activate versions schema render help; do
	expect 0 "^usage: treaty $verb" $verb --help
	expect 0 '^exit codes:' help $verb
	expect 0 '^example:' $verb -h
	"$treaty" help | grep -q "^  $verb  *[a-z]" || fail "'$verb' is not in the overview"
	expect 64 "treaty $verb: no option '--nonsense'" $verb --nonsense
	expect 64 "treaty $verb: '.*' is one argument too many" $verb a b c d e
done
expect 64 "no verb 'statsu' (did you mean 'treaty status'?)" statsu
expect 64 "no verb 'xyzzy'" xyzzy
expect 64 "did you mean 'treaty conflicts'" help conflict
expect 64 "did you mean '--shadow'" run --shdow
expect 64 'takes no argument' run --shadow=1
expect 64 'needs an argument' status -d
expect 64 "no option '-x'" status -x
expect 64 'prints no result' pause --json
expect 64 'none of list, show ID, resolve ID' conflicts shwo 1
expect 64 'needs the number of an entry' conflicts show
expect 64 "is no number of an entry" conflicts show -- -3
expect 64 'say one of' conflicts resolve 1
expect 64 'say one of' conflicts resolve 1 --retry --ignore
expect 64 'neither ats nor salesforce' conflicts resolve 1 --take both
expect 64 'a number from 1' conflicts --limit none
expect 64 'neither treaty nor deployment' schema people
expect 0 'draft-07' schema
json 'o["properties"]["records"]["additionalProperties"]["required"] == ["domain", "ats", "salesforce", "fields"]'
expect 64 'needs SYSTEM OBJECT ID' explain ats Candidate
expect 64 'needs an ID, or --all' mark ats Candidate
expect 64 'either an ID or --all' mark ats Candidate 1 --all

# ---- documents

expect 1 'Say which deployment' status -d nowhere.yaml
expect 1 'nowhere.yaml: cannot be read' check nowhere.yaml
printf 'deployment: 1\n  treaty: [\n' >broken.yaml
expect 1 '^broken.yaml:[0-9]*:[0-9]*: ' check broken.yaml
expect 1 '^broken.yaml:[0-9]*:[0-9]*: ' run -d broken.yaml
expect 0 'Nothing to complain of' check
expect 0 '"ok":true' check --json
json 'o["complaints"] == [] and o["treaty"] == "acme-staffing" and o["version"] == 1'
TREATY_DEPLOYMENT=broken.yaml "$treaty" status >out 2>err && fail 'TREATY_DEPLOYMENT is not heeded'
grep -q broken.yaml err || fail 'TREATY_DEPLOYMENT is not heeded'

deployment file:nowhere.key bullhorn
expect 1 'nowhere.key.*No such file' check
expect 1 '"ok":false' check --json
json 'len(o["complaints"]) == 1 and o["complaints"][0]["line"] == 3'
expect 1 'nowhere.key.*No such file' link
deployment env:NOT_SET bullhorn
expect 1 'NOT_SET is not set' run
deployment env:SHORT bullhorn
SHORT=abc expect 1 'shorter than 16 characters' run
deployment never-print-this bullhorn
expect 1 'a secret does not belong in this file' check
deployment file:store.key greyhorn
expect 1 "connector 'greyhorn': no description in" check
expect 1 "connector 'greyhorn': no description in" preview
sed -i 's/ownr/owner/; s/owner: ats/ownr: ats/' treaty.yaml
deployment file:store.key bullhorn
expect 1 "did you mean 'owner'?" check
cp "$source/examples/acme/treaty.yaml" .

# ---- the store

expect 1 "there is none yet; 'treaty link' makes it" status
expect 1 'there is none yet' conflicts
expect 1 'connect' preview
[ -e acme.db ] && fail 'a preview made the store'
expect 1 'connect' link
[ "$(stat -c %a acme.db)" = 600 ] || fail 'others may read the store'
expect 0 'No daemon is running' status
expect 0 'balanced' status
expect 0 '"quiet":true' status --json
json 'o["ledger"]["balanced"] and o["pending"]["marks"] == 0 and not o["daemon"]["running"]'
json '[r["record"] for r in o["records"]] == ["company", "candidate", "job_order", "placement"]'
json 'o["ats"]["budgets"] == [{"window": "minute", "used": 0, "limit": 80, "runs_out": None}]'
expect 0 'Nothing waits for a person' conflicts
expect 0 '"entries":\[\]' conflicts list --json
json 'o["open"] == 0'
expect 1 'there is no entry 7' conflicts show 7
expect 1 'there is no entry 7' conflicts resolve 7 --value '' --as me

expect 0 'It all adds up' audit
expect 0 '"whole":true' audit --json
json 'o["marks"]["accepted"] == 0 and o["decisions"]["made"] == 0 and o["differences"] == []'
expect 0 '^[0-9]*:[0-9a-f]\{64\}$' audit --anchor
anchor=$(cat out)
expect 0 'It all adds up' audit --compare "$anchor"
expect 1 'is no anchor' audit --compare 12
expect 2 'was pruned\|is not there' audit --compare "99999:${anchor#*:}"
expect 64 'either --anchor or' audit --anchor --compare "$anchor"

expect 0 'Paused: candidate.phone' pause candidate.phone --as 'Dana Whitfield'
expect 0 'Paused: everything' pause
expect 0 'Paused: candidate.phone, .* by Dana Whitfield' status
expect 0 'paused' status --json
json '[p["scope"] for p in o["paused"]] == ["", "candidate.phone"]'
expect 0 'Resumed: everything' resume all
expect 0 'Resumed: candidate.phone' resume candidate.phone
expect 1 "'nope' is no system, record type" pause nope
expect 1 "'ats:Candidate' is no system" pause ats:Candidate

expect 0 'Marked: candidate 17 of ats' mark bullhorn candidate 17
expect 0 'Marked: every linked candidate' mark salesforce Contact --all
expect 0 "No daemon runs: 'treaty run' will do it" sweep candidate
expect 0 'candidate  *asked for' sweep --report
expect 0 '"state":"never"' sweep --report --json
json '[s["state"] for s in o["sweeps"]] == ["never", "asked for", "never", "never"]'
expect 1 'no daemon runs that would do it' sweep --wait
expect 64 'is no record type' sweep people
expect 64 'either --report or --wait' sweep --report --wait
expect 1 'is no Salesforce record id' mark salesforce Contact 003
expect 1 'is no system of the treaty' mark jira Candidate 1
expect 1 'is no object of ats in the treaty: it has ClientCorporation' mark ats Contact 1
expect 1 'is not linked' explain ats Candidate 17
expect 64 "'shoe' is no field of candidate" explain ats Candidate 17 shoe
expect 0 '1 pending' status
expect 0 '"quiet":false' status --json

python3 -c "import sqlite3
c = sqlite3.connect('acme.db')
c.execute(\"UPDATE counter SET n = n + 1 WHERE name = 'accepted'\")
c.commit()"
expect 2 'marks: accepted' audit
expect 2 '"whole":false' audit --json
json 'o["differences"][0]["part"] == "marks"'
python3 -c "import sqlite3
c = sqlite3.connect('acme.db')
c.execute(\"UPDATE counter SET n = n - 1 WHERE name = 'accepted'\")
c.commit()"
expect 0 'It all adds up' audit

# ---- one daemon a store, which starts without its systems and ends when asked

"$treaty" run >daemon.out 2>daemon.err &
daemon=$!
end=$((SECONDS + 60))
until grep -q 'ready: acme-staffing version 1' daemon.err || [ $SECONDS -ge $end ]; do
	kill -0 $daemon 2>/dev/null || break
	read -r -t 0.05 <> <(:)
done
expect 1 "process $daemon is at work on it" run
expect 1 "process $daemon is at work on it" link
expect 0 "The daemon runs: process $daemon" status
expect 0 '"running":true' status --json
json "o['daemon']['pid'] == $daemon"
kill -TERM $daemon
wait $daemon
code=$?
[ $code = 0 ] || { cp daemon.err err; fail "the daemon ended with $code"; }
grep -q 'stopped; what is pending is in the store' daemon.err || fail 'the daemon does not say that it ended'
grep -q 'never-print-this' daemon.out daemon.err && fail 'the daemon prints a secret'
expect 0 'No daemon is running; the last one was heard of' status

# ---- versions: nobody signs

expect 0 '1 .*unsigned  treaty' versions
expect 0 '"how":"unsigned"' versions --json
expect 0 'mean the same' diff
expect 0 'Unsigned: no role has a key' check
expect 1 'no role has a key, so nobody can sign' activate
expect 2 'say --yes to put it in force' activate --unsigned
expect 1 'no other version was in force before' activate --rollback

# ---- keys and signatures

for role in recruiting_lead sales_lead other; do
	expect 0 '^key: ed25519:' keygen $role.pem
	cp out $role.key
	[ "$(stat -c %a $role.pem)" = 600 ] || fail 'others may read a private key'
done
expect 1 'there is a file already' keygen other.pem
expect 0 '"key":"ed25519:' keygen more.pem --json
key() { sed 's/^key: //' $1.key; }
sed -i "s|Head of Recruiting,|Head of Recruiting, key: $(key recruiting_lead),|
	s|Head of Sales,|Head of Sales, key: $(key sales_lead),|" treaty.yaml
expect 0 'Signed by 0 of 2; missing: recruiting_lead, sales_lead' check
expect 1 'give the document the number 2' activate --yes
expect 2 'role sales_lead: has a key now' diff
expect 0 'treaty version 1$' status
sed -i 's/^version: 1/version: 2/' treaty.yaml
expect 1 '2 of 2 who must sign did not' activate --yes
expect 1 '2 of 2 who must sign did not' activate --yes --unsigned
expect 64 'needs --role' sign
expect 64 "'nobody' signs nothing" sign --role nobody
expect 64 'needs --key FILE, or --statement' sign --role sales_lead
expect 1 "other.pem is not sales_lead's key" sign --role sales_lead --key other.pem
expect 1 'not a private key in PEM' sign --role sales_lead --key treaty.yaml
expect 0 'signed acme-staffing version 2: the head, candidate_identity, job_orders' sign --role sales_lead --key sales_lead.pem
expect 1 '1 of 2 who must sign did not' activate --yes
# signed with openssl alone, as by somebody who keeps the key elsewhere
expect 0 '^domain placement_status sha256:' sign --role recruiting_lead --statement
{
	cat out
	printf 'ed25519 %s\n' "$(openssl pkeyutl -sign -rawin -inkey recruiting_lead.pem -in out | base64 -w0)"
} >treaty.recruiting_lead.sig
expect 0 'Signed by 2 of 2\.' check
# and verified with it
head -n -1 treaty.sales_lead.sig >statement
tail -n 1 treaty.sales_lead.sig | cut -d' ' -f2 | base64 -d >signature
openssl pkeyutl -verify -rawin -inkey sales_lead.pem -in statement -sigfile signature >/dev/null || fail 'openssl does not verify it'
expect 2 'Signed by 2 of 2:' activate
expect 0 'Version 2 is in force' activate --yes --as 'Dana Whitfield' --why 'the first signed one'
expect 0 '2 .*signed .*Dana Whitfield  the first signed one' versions
expect 0 'treaty version 2$' status
expect 1 'was before anybody signed' activate --rollback --yes
# layout and comments are not meaning; anything else is
sed -i 's/^treaty: 1/# a comment\n\ntreaty:   1/' treaty.yaml
expect 0 'Signed by 2 of 2\.' check
expect 0 'mean the same' diff
sed -i 's/salesforce: MobilePhone/salesforce: HomePhone/' treaty.yaml
expect 1 "treaty.yaml:[0-9]*:[0-9]*: 'recruiting_lead': its signature (.*) does not hold: the meaning of 'candidate_identity' changed" check
expect 2 'candidate.mobile: it is HomePhone in salesforce (was: MobilePhone)' diff
expect 2 'has a key now' diff 1 2
expect 1 'version 7 was never in force' diff 7
expect 2 '"text":"it is HomePhone in salesforce' diff --json
json 'o["changes"][0]["field"] == "mobile" and o["changes"][0]["compared_anew"] == 0'

# ---- the page to sign

expect 64 'either --html or --csv' render --html --csv
expect 0 '<title>acme-staffing, version 2</title>' render --offline
grep -q 'candidate.mobile</b>: it is HomePhone in salesforce' out || fail 'the page does not say what changed'
grep -q "HomePhone</code>" out || fail 'the page does not say where a field is'
grep -qi "src=\|href=\|url(" out && fail 'the page loads something'
expect 0 '"candidate_identity","ats","candidate","mobile","mobile","HomePhone","phone (US)","both sides edit it","a person decides"' render --csv
"$treaty" render --out page.html --offline || fail 'the page is not written'
[ -s page.html ] || fail 'no page was written'
expect 1 'No such file' render --out nowhere/page.html --offline
# without its systems the page is made all the same, and says so
expect 0 'no real records are shown' render --out page.html
sed -i 's/title: Head of Sales/title: "<b>Head \& \\"Sales\\"<\/b>"/' treaty.yaml
expect 0 '&lt;b&gt;Head &amp; &quot;Sales&quot;&lt;/b&gt;' render --offline
sed -i 's/title: "[^,]*",/title: Head of Sales,/' treaty.yaml

# ---- a running daemon takes what is activated, and nothing else

"$treaty" run >daemon.out 2>daemon.err &
daemon=$!
heard() {
	local end=$((SECONDS + 60))
	until grep -q "$1" daemon.err || [ $SECONDS -ge $end ]; do
		kill -0 $daemon 2>/dev/null || break
		read -r -t 0.05 <> <(:)
	done
	grep -q "$1" daemon.err || { cp daemon.err err; fail "the daemon does not say '$1'"; }
}
heard 'ready: acme-staffing version 2'
grep -q 'says something else than version 2' daemon.err || fail 'the daemon does not say that the document differs'
sed -i 's/^version: 2/version: 3/' treaty.yaml
for role in recruiting_lead sales_lead; do
	expect 0 "$role signed acme-staffing version 3" sign --role $role --key $role.pem
done
expect 0 '"activated":true' activate --yes --json
heard 'ready: acme-staffing version 3'
expect 0 'Version 2 is in force' activate --rollback --yes
heard 'ready: acme-staffing version 2.*'
end=$((SECONDS + 60))
until [ "$(grep -c 'ready: acme-staffing version 2' daemon.err)" = 2 ] || [ $SECONDS -ge $end ]; do
	read -r -t 0.05 <> <(:)
done
[ "$(grep -c 'ready: acme-staffing version 2' daemon.err)" = 2 ] || { cp daemon.err err; fail 'the daemon does not go back'; }
kill -TERM $daemon
wait $daemon || { cp daemon.err err; fail "the daemon ended with $?"; }
expect 0 '2 .*rollback' versions

# what somebody is just editing stops nothing that was agreed on
sed -i 's/owner: ats/ownr: ats/' treaty.yaml
expect 0 'version 2, which is in force, goes on' status
expect 1 "did you mean 'owner'?" check
expect 1 "did you mean 'owner'?" activate --yes
sed -i 's/ownr: ats/owner: ats/' treaty.yaml

# ---- what people say about entries of the conflict log

expect 64 'say one of --take' conflicts resolve 7 --skip --retry
expect 64 'needs the id of a record' conflicts resolve 7 --link-to ''
expect 1 'there is no entry 7' conflicts restore 7
python3 -c "import sqlite3
c = sqlite3.connect('acme.db')
for id, ats in (101, '17'), (102, '18'), (103, '19'):
    c.execute('INSERT INTO mismatch VALUES (?, 0, 3, \'candidate\', ?, ?, \'\', x\'00\', x\'00\', \'\','
        ' \'two fit\', \'link\', 1, 1795428000000, 0, \'\', 1, 0, NULL)', (id, 'ats:' + ats, ats))
c.commit()"
expect 0 'link to, skip' conflicts
expect 0 'ats 17 is linked to salesforce 003A00000000001AAA' conflicts resolve 101 --link-to 003A00000000001AAA --as 'Dana Whitfield'
expect 1 'entry 101 is closed' conflicts resolve 101 --link-to 003A00000000001AAA
expect 1 'is linked already, to 17' conflicts resolve 102 --link-to 003A00000000001AAA
expect 0 'stays without a pair' conflicts resolve 102 --skip --as 'Dana Whitfield'
expect 0 'skipped by Dana Whitfield' conflicts list --all
expect 0 'by Dana Whitfield' explain ats Candidate 17
expect 1 'entry 103 is open' conflicts restore 103 --yes
expect 1 'says of no value that it was overwritten' conflicts restore 102 --yes
expect 0 '"kind":"ambiguous"' conflicts resolve 103 --skip --json

expect 64 'say either --version N or --since' revert
expect 64 'is no time like' revert --since yesterday
expect 64 'is no record type and no type.field' revert --version 1 --field shoe.size
expect 0 'There is nothing to put back' revert --version 1
expect 64 'say --yes' forget ats Candidate 17
expect 0 'What stays, and why' forget ats Candidate 17 --yes --as 'Dana Whitfield'
expect 0 'knows nothing about' forget ats Candidate 4711 --yes
expect 0 '"found":true' forget ats Candidate 17 --yes --json
expect 0 '"put_back":0' revert --since 2026-01-01T00:00:00Z --field candidate.phone --yes --json
expect 0 'It all adds up' audit


python3 -c "import sqlite3
c = sqlite3.connect('acme.db')
c.execute(\"UPDATE counter SET n = 99 WHERE name = 'schema'\")
c.commit()"
expect 1 'has version 99.*run the newer program' status
expect 1 'has version 99.*run the newer program' run
echo 'this is no database, whatever its name says; it goes on for a while' >acme.db
rm -f acme.db-wal acme.db-shm
expect 1 '^treaty status: store .*acme.db: ' status

# ---- a result that cannot be written is a failure

"$treaty" --help >/dev/full 2>err && fail 'a full disk goes unnoticed'

printf '%s passed, %s failed\n' "$passed" "$failed"
[ "$failed" = 0 ]
