import { CommandError, UsageError } from './errors.js';
import type { Command } from './io.js';
import { type Options, parseWords, TEXT } from './options.js';
import { readSettings, settingNames, settingsHelp } from '../settings.js';

/** `SIMULATOR_BASE_URL` as an option: `--base-url`. */
const optionName = (setting: string) => setting.replace('SIMULATOR_', '').toLowerCase().replaceAll('_', '-');

const OPTIONS: Options = Object.fromEntries(settingNames.map((name) => [optionName(name), TEXT]));

/** `serve`: starts a simulator in this process. */
export const serveCommand: Command = {
  help: `Usage: npm run simulator -- [serve] [options]

A stand-in Talkdesk for development and tests. Every setting is an environment variable, and an option that goes before it:
SIMULATOR_BASE_URL is --base-url.

${settingsHelp}

When it listens it prints one line of JSON: {"listening":"http://127.0.0.1:3002","regions":{"us":"http://127.0.0.1:3002", ...}}
The control API is under /_control and answers callers on the same machine only.

  npm run simulator -- serve --port 4000 --app-id demo --callback-url http://127.0.0.1:3000/webhooks/talkdesk`,
  async run(words, io) {
    const { values } = parseWords(words, OPTIONS);
    const options = Object.fromEntries(
      settingNames.flatMap((name) => {
        const value = values[optionName(name)];
        return typeof value === 'string' ? [[name, value]] : [];
      }),
    );
    let settings: ReturnType<typeof readSettings>;
    try {
      settings = readSettings({ ...io.env, ...options });
    } catch (error) {
      const message = (error as Error).message;
      if (Object.keys(options).some((name) => message.includes(name)))
        throw new UsageError(sayOptions(message, options));
      throw new CommandError(message);
    }
    const { serve } = await import('../serve.js');
    try {
      await serve(settings, io.env);
    } catch (error) {
      throw new CommandError(sayOptions((error as Error).message, options));
    }
    return 0;
  },
};

/** What was given as an option is named as one. */
function sayOptions(message: string, options: Record<string, string>): string {
  const names = Object.keys(options).sort((a, b) => b.length - a.length);
  return names.reduce((text, name) => text.replaceAll(name, `--${optionName(name)}`), message);
}
