# An interactive shell in the sandbox. (Others take no notice: the image is the same everywhere.)
if [ "${ALTIS_MEMBER:-}" = sandbox ]; then
  idle=${ALTIS_SHELL_IDLE_SECONDS:-1200} limit=${ALTIS_SHELL_LIMIT_SECONDS:-3600}

  # The first shell of a session runs within its time limit, and so do all that it starts.
  if [ -z "${ALTIS_SHELL:-}" ] && [ -z "${BASH_EXECUTION_STRING:-}" ]; then
    export ALTIS_SHELL=1
    exec timeout --foreground --signal=HUP "$limit" bash
  fi

  if [ "$SHLVL" -le 1 ]; then
    cat <<BANNER

  Sandbox of ${HM_ENV:-this environment} (${HM_ENV_TYPE:-unknown})

  This is the live site: its database, its cache and its uploads. What you change is changed at once.
  Files that you leave here are gone with the next deploy. The session ends after $((idle / 60)) minutes
  without input, and after $((limit / 60)) minutes in any case.

BANNER
  fi
  readonly TMOUT=$idle
  unset idle limit
fi
