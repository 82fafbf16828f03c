import {
  type Bindings,
  type ChildLoggerOptions,
  type DestinationStream,
  type Logger,
  type LoggerOptions,
  pino,
} from 'pino';
import { createLogDestination } from './log-destination.js';
import { redactText, redactValue } from './redact.js';

/** How the logger is made. */
export interface CreateLoggerOptions {
  /** A level of pino, or `silent`. */
  level: string;
  /** Where lines go; the default is standard output. */
  destination?: DestinationStream;
}

/**
 * The service's logger: JSON lines with ISO times. Secrets should not reach it at all; as a second wall, fields of secret names, bodies
 * and headers are censored at any depth, and messages and errors are searched for what looks like a secret.
 */
export function createLogger({ level, destination }: CreateLoggerOptions): Logger {
  const options: LoggerOptions = {
    level,
    base: null,
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: {
      log: (fields) => redactValue(fields) as Record<string, unknown>,
    },
    // Pino would serialise errors before the formatter, with every field that a library hung on them.
    serializers: { err: redactValue },
    hooks: {
      logMethod([first, ...rest], method) {
        const args: unknown[] = [typeof first === 'string' ? redactText(first) : first, ...rest.map(redactValue)];
        // Without a message pino takes the error's, past everything here.
        if (args.length === 1) args.push(messageOf(first));
        Reflect.apply(method, this, args);
      },
    },
  };
  const logger = pino(options, destination ?? createLogDestination());
  // Pino passes fields of child loggers by the formatter above. Children inherit this method, whatever their level of nesting.
  const { child } = logger;
  return Object.assign(logger, {
    child(this: unknown, bindings: Bindings, childOptions?: ChildLoggerOptions): Logger {
      return Reflect.apply(child, this, [redactValue(bindings), childOptions]);
    },
  });
}

function messageOf(logged: unknown): string | undefined {
  const error = logged instanceof Error ? logged : (logged as { err?: unknown } | null)?.err;
  return error instanceof Error ? redactText(error.message) : undefined;
}
