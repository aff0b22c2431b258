#!/bin/sh
# Proves the first start on the barest machine there is: makes a Debian 12 that has nothing but
# npm, certificates and git, clones this checkout into it as it was committed, runs `npm start`
# and asks the load balancer at 127.0.0.1:8000. Needs root on Debian or Ubuntu, and the network.
#
#   bare-debian.sh           `npm start`, and the first removal
#   bare-debian.sh --test    and what `npm test` installs (a few GB)
#
# Packages come over this machine's network. Sluice itself runs in namespaces of its own, so that
# no port of this machine matters, and nothing of it is left.
set -eu

case "${1:-}" in
  '' | --test) also=${1:-} ;;
  *)
    echo "usage: bare-debian.sh [--test]" >&2
    exit 2
    ;;
esac

checkout=$(cd "$(dirname "$0")/.." && pwd)

say() { echo "bare-debian: $*" >&2; }

[ "$(id -u)" -eq 0 ] || {
  say "run it as root: it makes a root file system and namespaces"
  exit 1
}
if ! command -v mmdebstrap >/dev/null 2>&1; then
  say "installing mmdebstrap"
  apt-get -qq install -y --no-install-recommends mmdebstrap >/dev/null
fi

folder=$(mktemp -d)
root=$folder/root
# Mounts live in the namespaces of `inside` and end with them.
trap 'rm -rf --one-file-system "$folder"' EXIT
trap 'exit 1' INT TERM

# Runs a command of the bare root. inside <flags of unshare> -- <command>
inside() {
  flags=
  while [ "$1" != -- ]; do
    flags="$flags $1"
    shift
  done
  shift
  # shellcheck disable=SC2016,SC2086 # expanded in the namespace; one word a flag
  unshare --mount --propagation private --pid --fork --kill-child $flags sh -c '
    root=$1
    shift
    mount -t proc proc "$root/proc"
    mount --rbind /dev "$root/dev"
    ip link set lo up 2>/dev/null || true
    exec chroot "$root" env -i HOME=/root LANG=C.UTF-8 \
      PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin "$@"
  ' sh "$root" "$@"
}

say "making a bare Debian 12"
mmdebstrap --quiet --variant=minbase --include=npm,ca-certificates,git bookworm "$root"
# How this machine reaches the network, and whom it trusts there.
cp -L /etc/resolv.conf "$root/etc/resolv.conf"
cp -L /etc/ssl/certs/ca-certificates.crt "$root/etc/ssl/certs/ca-certificates.crt"
git clone -q "$checkout" "$root/sluice"

say "installing what npm start installs"
inside -- sh /sluice/scripts/setup.sh --quiet

cat >"$root/first-run.sh" <<'END'
set -eu
cd /sluice
PATH=$PWD/node_modules/.bin:$PATH
npm start >/start.log 2>&1 &
ask() {
  node -e 'fetch(process.argv[1]).then((r) => r.text()).then((t) => process.stdout.write(t))' \
    http://127.0.0.1:8000 2>/dev/null
}
tries=0
until grep -q '^ready$' /start.log && ask | grep -q '^i-sample-'; do
  tries=$((tries + 1))
  if [ "$tries" -gt 120 ]; then
    cat /start.log
    echo 'npm start did not answer at 127.0.0.1:8000' >&2
    exit 1
  fi
  sleep 0.5
done
id=$(sed -n "s/.*--LoadBalancerId \\(lb-[^ ]*\\).*/\\1/p" /start.log | head -n 1)
npm run -s sluice -- RemoveBackendServers --LoadBalancerId "$id" \
  --BackendServers '[{"ServerId":"i-sample-2"}]' >/removal.log 2>&1 || { cat /removal.log; exit 1; }
grep -q '1/1\|1 of 1' /removal.log || { cat /removal.log; exit 1; }
for _ in 1 2 3 4 5 6; do ask; done >/answers
cat /answers
[ "$(wc -l </answers)" -eq 6 ] && ! grep -q i-sample-2 /answers
END
say "npm start, and the first removal"
inside --net -- sh /first-run.sh
if [ "$also" = --test ]; then
  say "installing what npm test installs"
  inside -- sh /sluice/scripts/setup.sh --test
fi
say "ok"
