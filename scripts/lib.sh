# Shared by the scripts of this folder: messages, root rights, packages. Sourced, never run.
say() { printf '%s\n' "$*" >&2; }
die() { say "error: $1"; exit "${2:-4}"; }

as_root() {
  if [ "$(id -u)" = 0 ]; then "$@"
  elif command -v sudo >/dev/null; then sudo "$@"
  else die "this needs root: $*  (run as root, or install sudo)"; fi
}

debian_like() { [ -r /etc/os-release ] && grep -qE '^ID(_LIKE)?=.*(debian|ubuntu)' /etc/os-release; }

apt_install() {
  debian_like || die "please install by hand: $*  (only Debian and Ubuntu are set up automatically)"
  say "installing: $*"
  [ -n "${ALTIS_APT_FRESH:-}" ] || as_root apt-get update -qq
  export ALTIS_APT_FRESH=1
  as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@" >/dev/null
}
