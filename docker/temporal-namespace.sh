#!/bin/sh
# Makes the namespace, keeps its closed runs long enough, and registers the search attribute that the runs carry. Safe to repeat.
# Reads TEMPORAL_ADDRESS and TEMPORAL_NAMESPACE from the environment; the temporal command reads the same names itself.
set -eu

# Fourteen days: longer than any window of seven days and its retries, so a settled run can still be looked at.
retention=336h

tries=60
until temporal operator cluster health >/dev/null 2>&1; do
  tries=$((tries - 1))
  if [ "$tries" -eq 0 ]; then
    echo "Temporal at $TEMPORAL_ADDRESS does not answer." >&2
    exit 1
  fi
  sleep 1
done

if temporal operator namespace describe --namespace "$TEMPORAL_NAMESPACE" >/dev/null 2>&1; then
  temporal operator namespace update --namespace "$TEMPORAL_NAMESPACE" --retention "$retention" >/dev/null
else
  temporal operator namespace create --namespace "$TEMPORAL_NAMESPACE" --retention "$retention" >/dev/null
fi

# A namespace that was just made is not known to every part of the server at once.
tries=30
until temporal operator search-attribute list --namespace "$TEMPORAL_NAMESPACE" 2>/dev/null | grep -q InstallationId; do
  tries=$((tries - 1))
  if [ "$tries" -eq 0 ]; then
    echo "The search attribute InstallationId could not be registered." >&2
    exit 1
  fi
  temporal operator search-attribute create --namespace "$TEMPORAL_NAMESPACE" --name InstallationId --type Keyword \
    >/dev/null 2>&1 || sleep 1
done

echo "namespace $TEMPORAL_NAMESPACE: closed runs kept $retention, InstallationId registered"
