import { type DestinationStream, type Logger, pino } from 'pino';

/** Field names that may hold something secret. They should not be logged at all; this is the second wall. */
const SECRET_FIELDS = [
  'authorization',
  'access_token',
  'accessToken',
  'client_assertion',
  'client_secret',
  'clientSecret',
  'private_key',
  'privateKey',
  'password',
  'token',
  'body',
  'rawBody',
];

/** The service's logger: JSON lines with ISO times. `destination` is for tests; the default is standard output. */
export function createLogger(options: { level: string; destination?: DestinationStream }): Logger {
  const settings = {
    level: options.level,
    base: null,
    timestamp: pino.stdTimeFunctions.isoTime,
    redact: {
      paths: SECRET_FIELDS.flatMap((field) => [field, `*.${field}`, `*.*.${field}`]),
      censor: '[secret]',
    },
    serializers: { err: errorWords, error: errorWords },
  };
  return options.destination === undefined ? pino(settings) : pino(settings, options.destination);
}

/** An error as it may be logged: further fields of foreign errors (requests, options) can hold secrets. */
function errorWords(error: unknown): unknown {
  if (!(error instanceof Error)) return typeof error;
  const { code } = error as { code?: unknown };
  return {
    type: error.name,
    message: error.message,
    stack: error.stack,
    ...(typeof code === 'string' ? { code } : {}),
  };
}
