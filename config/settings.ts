/** One environment variable of the service, as a person reads about it. */
export interface Setting {
  name: string;
  /** What it means, one sentence or two. */
  meaning: string;
  /** What holds when it is not set; null: it must be set. */
  default: string | null;
  /** An example for `.env.example`; null: the default serves as the example. */
  example: string | null;
  /** The value must not be shown. */
  secret: boolean;
}

/** Shorthand of the list below: name, meaning, default, then what differs from the usual. */
function setting(
  name: string,
  meaning: string,
  byDefault: string | null,
  more: { example?: string; secret?: true } = {},
): Setting {
  return { name, meaning, default: byDefault, example: more.example ?? null, secret: more.secret ?? false };
}

/**
 * All settings in the order in which they are shown. The names are part of the service's interface. Those of Temporal are read
 * by `@temporalio/envconfig`, which also reads the profile files that Temporal's own tools write.
 */
export function describeSettings(): Setting[] {
  return [
    setting('NODE_ENV', 'development, test or production. In production plain http is refused.', 'development'),
    setting('DATABASE_URL', 'PostgreSQL of the service. The local mode starts its own when this is not set.', null, {
      example: 'postgresql://appconnect:change-me@127.0.0.1:5432/appconnect',
      secret: true,
    }),
    setting('DATABASE_POOL_MAX', 'Most connections to that database, for an ingress and for a worker each.', '10'),
    setting('TEMPORAL_ADDRESS', 'Temporal server, host:port.', 'localhost:7233'),
    setting('TEMPORAL_NAMESPACE', 'Temporal namespace.', 'default'),
    setting('TEMPORAL_API_KEY', 'API key of Temporal Cloud; switches TLS on.', 'none', { secret: true }),
    setting('TEMPORAL_TLS', 'true or false: TLS to Temporal.', 'on with an API key or a certificate'),
    setting('TEMPORAL_TLS_CLIENT_CERT_PATH', 'Client certificate for mutual TLS, PEM file.', 'none'),
    setting('TEMPORAL_TLS_CLIENT_CERT_DATA', 'The same as PEM text.', 'none'),
    setting('TEMPORAL_TLS_CLIENT_KEY_PATH', 'Private key of the client certificate, PEM file.', 'none'),
    setting('TEMPORAL_TLS_CLIENT_KEY_DATA', 'The same as PEM text.', 'none', { secret: true }),
    setting('TEMPORAL_TLS_SERVER_CA_CERT_PATH', "Authority that signed the server's certificate, PEM file.", 'none'),
    setting('TEMPORAL_TLS_SERVER_CA_CERT_DATA', 'The same as PEM text.', 'none'),
    setting('TEMPORAL_TLS_SERVER_NAME', "Name expected in the server's certificate.", 'host of the address'),
    setting(
      'TEMPORAL_CONFIG_FILE',
      "Temporal's client configuration file (TOML).",
      "temporal.toml of the user's profile",
    ),
    setting('TEMPORAL_PROFILE', 'Profile of that file.', 'default'),
    setting('TEMPORAL_TASK_QUEUE', 'Task queue of the workflows and activities.', 'appconnect'),
    setting('HOST', 'Address that the webhook listener binds to.', '127.0.0.1'),
    setting('PORT', 'Its port; 0 takes a free one.', '3000'),
    setting(
      'PUBLIC_URL',
      'Public address of the webhook listener, such as https://hooks.example.com: products that need time are given a callback ' +
        'below it. Without it they are only polled.',
      'none',
    ),
    setting('OPS_HOST', 'Address that the listener for health and metrics binds to.', '127.0.0.1'),
    setting('OPS_PORT', 'Its port; 0 takes a free one.', '3001'),
    setting(
      'TALKDESK_REGIONS_FILE',
      'JSON array of regions added to the shipped ones, or replacing them by name: ' +
        '{"name":"us","gateway":"https://api.talkdeskapp.com","tokenHosts":["*.talkdeskid.com"]}.',
      'shipped regions only',
    ),
    setting(
      'ALLOW_INSECURE_HTTP',
      'Development only: comma-separated host:port that may be used over plain http. Refused in production.',
      'none',
    ),
    setting(
      'TALKDESK_TOKEN_AUTH',
      'private_key_jwt, or basic to find out whether signed assertions are the problem.',
      'private_key_jwt',
    ),
    setting(
      'SEALING_KEYS',
      'Keys that seal secrets in the database, newest first, comma-separated: id:base64 of 32 random bytes. ' +
        'Either this or SEALING_KEYS_FILE.',
      null,
      { secret: true },
    ),
    setting('SEALING_KEYS_FILE', 'File with the same, one key a line.', null, { example: './sealing-keys' }),
    setting(
      'APPS_FILE',
      'JSON object by app id: {"<app id>":{"product":{"adapter":"./adapter.js","settings":{}},"policy":[{"mode":"manual"}],' +
        '"seats":"assignment-order","scopes":["apps:read"]}}. All parts of an entry are optional; paths are relative to the file; ' +
        'an HTTP product has a url instead of an adapter; a manual policy rejects at the due time unless its atDue says otherwise.',
      null,
      { example: './apps.json' },
    ),
    setting(
      'PRODUCT_ADAPTER',
      'Adapter module for apps whose entry names none; the word sample for the sample.',
      'sample',
    ),
    setting('PRODUCT_URL', 'The same as the address of an HTTP product. Either this or PRODUCT_ADAPTER.', 'none'),
    setting('PRODUCT_DATABASE_URL', "The sample product's own database, for apps that use the sample.", 'none', {
      example: 'postgresql://sample_product:change-me@127.0.0.1:5432/sample_product',
      secret: true,
    }),
    setting(
      'WORKFLOW_BUNDLE',
      'File with the prebuilt workflow bundle. A worker in production does not start without it.',
      'bundled at start',
    ),
    setting('SWEEP_INTERVAL_MS', 'Milliseconds between two looks for events that were not handed over.', '5000'),
    setting(
      'DEVELOPMENT_CLOCK',
      '1: the clock of the service can be told another time by PUT /dev/clock on the ops listener, such as the ' +
        "simulator's; with Temporal's dev server the timers of open runs follow. Refused in production.",
      '0',
    ),
    setting('DATA_DIR', "Folder of the local mode's state.", '.data'),
    setting('LOG_LEVEL', 'fatal, error, warn, info, debug, trace or silent.', 'info'),
  ];
}

/** The settings as a text for `--help`, one line each: name, meaning, default. */
export function settingsHelp(): string {
  const settings = describeSettings();
  const width = Math.max(...settings.map(({ name }) => name.length));
  return settings
    .map(({ name, meaning, default: byDefault }) => {
      const fallback = byDefault === null ? 'required' : `default: ${byDefault}`;
      return `  ${name.padEnd(width)}  ${meaning} (${fallback})`;
    })
    .join('\n');
}
