import { readSnapshotFile, writeSnapshotFile } from '../snapshot/file.js';
import { connect } from './connect.js';
import { CommandError } from './errors.js';
import type { Command } from './io.js';
import { COMMON, COMMON_HELP, oneOf, parseWords } from './options.js';
import { json } from './table.js';

/** `snapshot`: the whole state in a file. */
export const snapshotCommand: Command = {
  help: `Usage: npm run simulator -- snapshot save FILE | load FILE [options]

Saves everything the simulator knows to a file, and loads it again, in the place of everything it then knows: apps, accounts,
installations, events and what is still due, credentials, faults, switches and the clock. A file that is damaged, of another version
or no snapshot is refused and changes nothing.

The file holds secrets: client secrets, private keys and access tokens. It is written so that only you can read it.

${COMMON_HELP}

  npm run simulator -- snapshot save before-upgrade.json
  npm run simulator -- snapshot load before-upgrade.json
  npm run simulator -- serve --snapshot state.json   loads it at the start, and saves it at the end`,
  async run(words, io) {
    const { values, positionals } = parseWords(words, COMMON, ['ACTION', 'FILE']);
    const action = oneOf('ACTION', positionals[0], ['save', 'load']);
    const file = positionals[1] ?? '';
    const client = connect(values.simulator, io);
    if (action === 'save') {
      await writeSnapshotFile(file, await client.snapshot());
      io.out(values.json === true ? json({ ok: true }) : `Saved ${file}. It holds secrets: keep it to yourself.`);
    } else {
      const snapshot = await readSnapshotFile(file);
      if (snapshot === undefined) throw new CommandError(`There is no file ${file}.`);
      const answer = await client.loadSnapshot(snapshot);
      io.out(values.json === true ? json(answer) : [`Loaded ${file}.`, ...answer.notes].join('\n'));
    }
    return 0;
  },
};
