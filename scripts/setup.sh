#!/bin/sh
# Brings what Sluice needs and a machine does not have yet. Run again, it finds all there and
# returns at once. Needs only sh and npm: the Node that runs Sluice is one of the npm packages.
#
#   setup.sh --packages   npm packages: enough for `npm run check`
#   setup.sh --quiet      and HAProxy, nftables, conntrack, ip, and the console built: enough for
#                         `npm start`
#   setup.sh --test       and etcd, wrk, h2spec, testssl, slowhttptest, strace, Chromium, a Python
#                         with Alibaba Cloud's SDKs, and one with schemathesis: for `npm test`
#   setup.sh --bench      and nginx, Envoy and Caddy: for `npm run bench`
set -eu

haproxy_major=2
haproxy_minor=6
oldest=$haproxy_major.$haproxy_minor
h2spec_version=v2.2.1+incompatible

root=$(cd "$(dirname "$0")/.." && pwd)
cache=$root/.cache
log=$cache/setup.log
# Where Debian keeps haproxy and nft, which is not on everybody's path.
PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin
export PATH

say() { echo "setup: $*" >&2; }

fail() {
  say "$*"
  exit 1
}

has() { command -v "$1" >/dev/null 2>&1; }

# Runs a long step quietly; when it fails, shows the end of what it said and what to do.
# step <what it does> <what to do when it fails> <command ...>
step() {
  what=$1
  remedy=$2
  shift 2
  say "$what ..."
  mkdir -p "$cache"
  if ! "$@" >"$log" 2>&1; then
    tail -n 20 "$log" >&2
    fail "$what failed (all of it: .cache/setup.log). $remedy"
  fi
}

# The Node that npm brings needs libatomic.so.1, which a minimal Debian does not have.
# demand_libraries <a node>
demand_libraries() {
  if problem=$("$1" -e '' 2>&1); then return 0; fi
  case $problem in
    *libatomic*) ;;
    *) fail "the Node that npm brought does not run here: $problem" ;;
  esac
  if [ "$(id -u)" -eq 0 ] && has apt-get; then
    apt_install libatomic1
    problem=$("$1" -e '' 2>&1) || fail "the Node that npm brought does not run here: $problem"
  elif has apt-get; then
    fail "a library that Node needs is missing: run sudo apt-get install libatomic1"
  else
    fail "install with your package manager what Node needs: $problem"
  fi
}

# Prints a PATH under which npm runs on the Node of package-lock.json. npm leaves out the optional
# packages whose `engines` the Node it runs on does not meet, such as the native part of the
# console's builder: under an older Node than ours, ours comes first, in a folder of its own.
path_of_own_node() {
  wanted=$(sed -n '/"node_modules\/node": {/,/}/s/.*"version": "\([0-9.]*\)".*/\1/p' \
    "$root/package-lock.json")
  if [ "$(node -v 2>/dev/null)" != "v$wanted" ]; then
    mkdir -p "$cache/node"
    step "installing Node $wanted, once (about 10 s)" \
      "Check that npm reaches its registry, then try again." \
      npm --prefix "$cache/node" install --no-save --no-audit --no-fund --loglevel=error \
      "node@$wanted"
    demand_libraries "$cache/node/node_modules/.bin/node"
  fi
  echo "$cache/node/node_modules/.bin:$PATH"
}

# npm writes node_modules/.package-lock.json last, so half an installation counts as none.
# `npm install` and not `npm ci`: it takes the same locked versions, but does not insist that the
# registry and the lock know the binaries of every other platform.
install_packages() {
  installed=$root/node_modules/.package-lock.json
  if [ -x "$root/node_modules/.bin/node" ] && [ -f "$installed" ] &&
    [ ! "$root/package-lock.json" -nt "$installed" ]; then
    demand_libraries "$root/node_modules/.bin/node"
    return 0
  fi
  has npm || fail "npm is missing: install Node.js (it brings npm), then try again."
  node_path=$(path_of_own_node)
  # Node has a list of authorities of its own; those that the machine trusts count too.
  authorities=${NODE_EXTRA_CA_CERTS:-/etc/ssl/certs/ca-certificates.crt}
  [ -f "$authorities" ] || authorities=
  step "installing npm packages, once (about 10 s)" \
    "Check that npm reaches its registry, then try again." \
    env PATH="$node_path" NODE_EXTRA_CA_CERTS="$authorities" \
    npm --prefix "$root" install --no-save --no-audit --no-fund --loglevel=error
  [ -x "$root/node_modules/.bin/node" ] ||
    fail "npm brought no node_modules/.bin/node: are its install scripts switched off?"
  demand_libraries "$root/node_modules/.bin/node"
  rm -rf "${cache:?}/node"
  touch "$installed"
}

# The page at /console/: built again when one of its sources, or what builds it, is newer.
build_console() {
  built=$root/dist/console/index.html
  if [ -f "$built" ]; then
    set -- "$root/src/console" "$root/src/sdk" "$root/vite.config.ts" "$root/package-lock.json"
    [ -n "$(find "$@" -newer "$built" -print 2>/dev/null | head -n 1)" ] || return 0
  fi
  # Left out of an installation for production: what is built there stays as it is.
  [ -x "$root/node_modules/.bin/vite" ] || return 0
  step "building the console (about 1 s)" "Try again with: npm run build" \
    env PATH="$root/node_modules/.bin:$PATH" npm --prefix "$root" run --silent build
}

has_haproxy() {
  has haproxy || return 1
  # "HAProxy version 2.6.12-1+deb12u1 ..." ("HA-Proxy" before 2.4).
  version=$(haproxy -v 2>/dev/null | sed -n 's/^HA-*Proxy version \([0-9]*\)\.\([0-9]*\).*/\1 \2/p')
  [ -n "$version" ] || return 1
  major=${version% *}
  minor=${version#* }
  [ "$major" -gt $haproxy_major ] ||
    { [ "$major" -eq $haproxy_major ] && [ "$minor" -ge $haproxy_minor ]; }
}

has_h2spec() {
  [ -x "$cache/h2spec/h2spec" ] &&
    [ "$(cat "$cache/h2spec/version" 2>/dev/null)" = "$h2spec_version" ]
}

has_venv() { "$1" -c 'import ensurepip, venv' >/dev/null 2>&1; }

# Names the Debian packages that are missing for this mode, on one line.
missing_programs() {
  has_haproxy || printf 'haproxy '
  has nft || printf 'nftables '
  has conntrack || printf 'conntrack '
  has ip || printf 'iproute2 '
  [ "$mode" != start ] || return 0
  has etcd || printf 'etcd-server '
  has wrk || printf 'wrk '
  has openssl || printf 'openssl '
  has testssl || printf 'testssl.sh '
  has slowhttptest || printf 'slowhttptest '
  has strace || printf 'strace '
  has chromium || printf 'chromium '
  has go || printf 'golang-go '
  has_venv python3 || printf 'python3 python3-venv '
  if [ "$mode" = test ]; then
    has javac || printf 'default-jdk-headless '
    has mvn || printf 'maven '
    has php || printf 'php-cli '
    has mcs || printf 'mono-mcs '
    has mono || printf 'mono-runtime '
  fi
  [ "$mode" = bench ] || return 0
  has nginx || printf 'nginx-light '
  has iperf3 || printf 'iperf3 '
  [ -e /usr/lib/nginx/modules/ngx_stream_module.so ] || printf 'libnginx-mod-stream '
}

apt_install() {
  export DEBIAN_FRONTEND=noninteractive
  # Sluice starts its own HAProxy and the tests their own etcd: no service is to start by itself.
  policy=/usr/sbin/policy-rc.d
  if [ ! -e "$policy" ]; then
    trap 'rm -f "$policy"' EXIT
    trap 'exit 1' INT TERM
    printf '#!/bin/sh\nexit 101\n' >"$policy"
    chmod 755 "$policy"
  fi
  step "reading the package lists (apt-get update)" "Check the network and apt's sources." \
    apt-get -qq update
  step "installing $* (apt-get install)" "Install by hand: $*" \
    apt-get -qq install -y --no-install-recommends "$@"
}

install_programs() {
  missing=$(missing_programs)
  [ -n "$missing" ] || return 0
  if [ "$(id -u)" -eq 0 ] && has apt-get; then
    # shellcheck disable=SC2086 # one word a package
    apt_install $missing
    missing=$(missing_programs)
    [ -n "$missing" ] || return 0
    fail "apt has no fitting version of: ${missing% } (HAProxy: $oldest or newer)."
  fi
  if has apt-get; then
    advice="run sudo apt-get install ${missing% }"
  else
    advice="install with your package manager: ${missing% }"
  fi
  # HAProxy alone carries HTTP and TCP.
  if [ "$mode" = start ] && has_haproxy; then
    say "HTTP and TCP work as it is; for the rest, $advice"
  else
    fail "programs are missing (HAProxy: $oldest or newer): $advice"
  fi
}

# Makes .cache/<name>, a Python environment with what scripts/<name>-requirements.txt lists.
# install_python <name> <what it brings>
install_python() {
  wanted=$root/scripts/$1-requirements.txt
  stamp=$cache/$1/requirements.txt
  if cmp -s "$wanted" "$stamp"; then return 0; fi
  python=python3
  has_venv python3 || python=/usr/bin/python3
  rm -rf "${cache:?}/$1"
  step "making a Python environment" "Check that '$python -m venv' works." \
    "$python" -m venv "$cache/$1"
  step "installing $2, once (about 30 s)" \
    "Check that pip reaches its index, then try again." \
    "$cache/$1/bin/pip" install --quiet --disable-pip-version-check -r "$wanted"
  cp "$wanted" "$stamp"
}

install_h2spec() {
  if has_h2spec; then return 0; fi
  step "building h2spec, once (about 30 s)" \
    "Check that Go reaches its module proxy, then try again." \
    env GOBIN="$cache/h2spec" \
    go install "github.com/summerwind/h2spec/cmd/h2spec@$h2spec_version"
  echo "$h2spec_version" >"$cache/h2spec/version"
}

# Makes .cache/samples: the projects that sample code comes in, with what they depend on. Go keeps
# its modules where it always does; Maven's are of this folder alone.
install_samples() {
  samples=$cache/samples
  projects=$(mktemp -d)
  PATH="$root/node_modules/.bin:$PATH" node "$root/scripts/sample-projects.ts" "$projects"
  if cmp -s "$projects/go/go.mod" "$samples/go/go.mod.wanted" &&
    cmp -s "$projects/java/pom.xml" "$samples/java/pom.xml" && [ -e "$samples/done" ]; then
    rm -rf "$projects"
    return 0
  fi
  rm -rf "${samples:?}"
  mkdir -p "$samples"
  cp -R "$projects/go" "$projects/java" "$samples/"
  rm -rf "$projects"
  cp "$samples/go/go.mod" "$samples/go/go.mod.wanted"
  step "bringing Go modules for samples, once (about 30 s)" \
    "Check that Go reaches its module proxy, then try again." \
    sh -c 'cd "$1" && go mod tidy && go build -o sample .' sh "$samples/go"
  step "bringing Java packages for samples, once (about 30 s)" \
    "Check that Maven reaches its repository, then try again." \
    mvn -q -B -f "$samples/java/pom.xml" "-Dmaven.repo.local=$samples/maven" \
    compile dependency:build-classpath "-Dmdep.outputFile=$samples/java/classpath"
  touch "$samples/done"
}

case "${1:-}" in
  --packages) mode=packages ;;
  --quiet) mode=start ;;
  --test) mode=test ;;
  --bench) mode=bench ;;
  *) fail "usage: setup.sh --packages | --quiet | --test | --bench" ;;
esac

install_packages
[ "$mode" = packages ] || build_console
[ "$mode" = packages ] || install_programs
if [ "$mode" = test ] || [ "$mode" = bench ]; then install_python python "Alibaba Cloud's SDKs"; fi
[ "$mode" != test ] || install_python openapi "schemathesis"
[ "$mode" != bench ] || install_python bench "Envoy and Caddy"
[ "$mode" != test ] || install_h2spec
[ "$mode" != test ] || install_samples
