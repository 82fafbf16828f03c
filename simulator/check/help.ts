/** What `check --help` says. */
export const checkHelp = `Usage: npm run simulator -- check --webhook URL [options]

Puts a partner backend through its paces over HTTP, and reports which of Talkdesk's partner requirements that evidences.

  --webhook URL         where the backend takes events
  --app-id ID           the app id that the backend knows (conformance-check; with --simulator, its only app)
  --simulator URL       a running simulator; without it the check starts one of its own
  --reset               puts its faults, scenarios and switches to their defaults first; without it such a simulator is refused
  --register            registers the app there if it is not known; it stays
  --host, --port        where its own simulator listens: first region at the port, the others at the ports after it
                        (127.0.0.1, 3002)
  --patience SECONDS    how long to wait for what the backend is to do (30); longer than the pause between its attempts
  --restart "CMD"       kills the backend with SIGKILL, starts it again in the background, and ends with 0
  --told-time URL       where the backend takes PUT {"now","offset_ms"} and lives by that time
  --short-window SECONDS  instead: a window that the backend's attempts fit into
  --only, --skip NAME   scenarios to run (with those they build on), to leave out; several with commas between them
  --list                names the scenarios and ends
  --format FORMAT       text, json or junit (text)
  --output FILE         writes the report there

The backend must be configured before: the webhook's signature keys, tokens and API are served by the simulator, so allow its
origins over http (with the default port http://127.0.0.1:3002 to :3006), let it know the app id with the scopes apps:read,
apps:write, account:read and users:read, and let it approve every installation by itself. More: docs/conformance.md.

Examples:
  npm run simulator -- check --webhook http://127.0.0.1:3000/webhooks/talkdesk --app-id my-app
  npm run simulator -- check --webhook http://127.0.0.1:8080/events --only duplicate-delivery
  npm run simulator -- check --webhook http://127.0.0.1:8080/events --restart ./restart.sh --format junit --output check.xml

Exit code 0: every scenario that could be judged passed; 1: one failed or was blocked; 2: the check could not be carried out.`;
