# shellcheck shell=bash
# What the entry points share: the checkout, Debian packages, the toolchain and the operator's binary. Uses only what a
# minimal Debian 12 has.

checkout=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")/.." && pwd -P)
export SHINKOFA_CHECKOUT=$checkout
target=${CARGO_TARGET_DIR:-$checkout/target}
oldest_rust=1.95

# shellcheck disable=SC2034 # the entry points read these lists
{
    runtime_packages=(postgresql-15 redis-server nginx ffmpeg curl openssl ca-certificates libnss-myhostname)
    build_packages=(gcc libc6-dev pkg-config)
    test_packages=(python3 python3-venv shellcheck chromium)
}

say() { printf '%s\n' "$*" >&2; }

is_installed() {
    [ "$(dpkg-query --show --showformat='${db:Status-Status}' "$1" 2>/dev/null)" = installed ]
}

# How to act as root: at once, by sudo, or not at all.
as_root=()
can_be_root() {
    [ "$(id -u)" = 0 ] && return 0
    command -v sudo >/dev/null || return 1
    if [ -t 0 ] || sudo -n true 2>/dev/null; then
        as_root=(sudo)
        return 0
    fi
    return 1
}

run_as_root() { "${as_root[@]}" "$@"; }

# Installs what is missing of the named packages, or says in one line what somebody with root should install.
install_packages() {
    local package missing=()
    for package in "$@"; do
        is_installed "$package" || missing+=("$package")
    done
    [ ${#missing[@]} = 0 ] && return 0
    if ! command -v apt-get >/dev/null || ! can_be_root; then
        say "not installed: ${missing[*]}"
        say "as root: apt-get update && apt-get install --no-install-recommends -y ${missing[*]}"
        return 0
    fi
    say "installing ${missing[*]}"
    forbid_service_starts
    run_as_root apt-get update -qq
    case " ${missing[*]} " in
        *" postgresql-15 "*) forbid_system_cluster ;;
    esac
    run_as_root env DEBIAN_FRONTEND=noninteractive apt-get install --no-install-recommends -y -qq "${missing[@]}"
    leave_services_off "${missing[@]}"
    allow_service_starts
}

# A package's own service must not take a port before ours. A policy that is already there stays.
forbid_service_starts() {
    [ -e /usr/sbin/policy-rc.d ] && return 0
    trap allow_service_starts EXIT
    run_as_root sh -c 'printf "#!/bin/sh\nexit 101\n" >/usr/sbin/policy-rc.d && chmod 755 /usr/sbin/policy-rc.d'
}

# Does something only after forbid_service_starts has.
allow_service_starts() {
    [ -n "$(trap -p EXIT)" ] || return 0
    trap - EXIT
    run_as_root rm -f /usr/sbin/policy-rc.d
}

# Debian would make a cluster for the whole machine as soon as the server is installed.
forbid_system_cluster() {
    is_installed postgresql-common && return 0
    run_as_root env DEBIAN_FRONTEND=noninteractive apt-get install --no-install-recommends -y -qq postgresql-common
    run_as_root sed -ri 's/^#?\s*create_main_cluster\s*=.*/create_main_cluster = false/' \
        /etc/postgresql-common/createcluster.conf
}

# Services that came with packages just installed stay off at the next boot; those that were there before are not touched.
leave_services_off() {
    local package
    [ -d /run/systemd/system ] || return 0
    for package in "$@"; do
        case $package in
            redis-server | nginx) run_as_root systemctl disable --quiet "$package" || true ;;
        esac
    done
}

# True when version $1 is at least version $2.
at_least() {
    [ "$(printf '%s\n%s\n' "$2" "$1" | sort --version-sort | head -n 1)" = "$2" ]
}

has_toolchain() {
    local version
    command -v cargo >/dev/null && command -v rustc >/dev/null || return 1
    version=$(rustc --version | cut -d ' ' -f 2)
    at_least "${version%%-*}" "$oldest_rust"
}

ensure_toolchain() {
    has_toolchain && return 0
    install_packages rustc-web cargo-web
    if ! has_toolchain; then
        say "Rust $oldest_rust or newer is needed: install it, or put its cargo on the PATH"
        exit 1
    fi
}

# build_ctl release|dev: builds the operator and sets $ctl to it.
build_ctl() {
    local folder=$1
    [ "$1" = dev ] && folder=debug
    (cd -- "$checkout" && "${CARGO:-cargo}" build --quiet --locked --profile "$1" --package operator --bin ctl)
    # shellcheck disable=SC2034 # for the caller
    ctl=$target/$folder/ctl
}
