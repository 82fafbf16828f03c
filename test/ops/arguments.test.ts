import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { readCommand } from '../../ops/arguments.js';

const read = (line: string) => readCommand(line.split(' ').filter((word) => word !== ''));

describe('the command line of operators', () => {
  it('is read whole', () => {
    assert.deepEqual(
      readCommand([
        ...['decide', '--account', 'a', '--app', 'x', '--reject', '--reason', 'not now', '--process', 'install:e'],
        ...['--by', 'Ada'],
      ]),
      {
        name: 'decide',
        app: 'x',
        account: 'a',
        decision: 'reject',
        reason: 'not now',
        process: 'install:e',
        by: 'Ada',
      },
    );
    assert.deepEqual(read('wake --account a --app x'), { name: 'wake', account: 'a', app: 'x' });
    assert.deepEqual(read('rotate --installation=-i'), { name: 'rotate', installation: '-i' });
    const since = new Date('2031-05-06T07:08:09Z');
    assert.deepEqual(read('lost --since 2031-05-06T09:08:09+02:00'), { name: 'lost', since });
  });

  it('leaves out what the surroundings say, and has a reason that a customer may read', () => {
    const rest = { name: 'decide', app: undefined, account: 'a', process: undefined, by: undefined };
    assert.deepEqual(read('decide --account a --approve'), {
      ...rest,
      decision: 'approve',
      reason: 'Approved by the partner.',
    });
    assert.deepEqual(read('decide --account a --reject'), {
      ...rest,
      decision: 'reject',
      reason: 'Rejected by the partner.',
    });
  });

  it('asks for help, before anything else is looked at', () => {
    assert.deepEqual(read('--help'), { name: 'help', of: null });
    assert.deepEqual(read('decide --help'), { name: 'help', of: 'decide' });
    assert.deepEqual(read('wake -h'), { name: 'help', of: 'wake' });
    assert.deepEqual(read('rotate --help'), { name: 'help', of: 'rotate' });
    assert.deepEqual(read('lost --help'), { name: 'help', of: 'lost' });
  });

  for (const [line, message] of [
    ['', /^Name a command: decide, wake, rotate, lost\./],
    ['approve', /^There is no command approve: there are decide, wake, rotate, lost\.$/],
    ['constructor', /^There is no command constructor/],
    ['decide --approve', /^--account is missing\.$/],
    ['decide --account a', /^Say either --approve or --reject\.$/],
    ['decide --account a --approve --reject', /^Say either --approve or --reject\.$/],
    ['decide --account a --approve --force', /^Unknown option '--force'\.$/],
    ['decide a --approve', /^Unexpected argument 'a'\.$/],
    ['wake --account', /^Option '--account <value>' argument missing\.$/],
    ['wake --account=', /^--account is missing\.$/],
    ['wake --account a --app=', /^--app is missing\.$/],
    ['rotate', /^--installation is missing\.$/],
    ['lost', /^--since is missing\.$/],
    ['lost --since 2031-05-06T07:08:09', /^--since is no time with a zone/],
    ['lost --since yesterdayZ', /^--since is no time with a zone/],
  ] as [string, RegExp][]) {
    it(`is not understood: ${line === '' ? 'nothing' : line}`, () => {
      assert.throws(() => read(line), { name: 'UsageError', message });
    });
  }
});
