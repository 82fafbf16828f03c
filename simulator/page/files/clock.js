/** The clock: what it says, and how it is moved. */
import { act, onClick, onSubmit } from './act.js';
import { call } from './api.js';
import { byId, setText } from './dom.js';
import { durationText, readJump, timeText } from './time.js';

export function setUpClock() {
  const line = byId('clock-result');
  const freeze = byId('clock-freeze');
  let facts = null;
  /** What the machine's own clock said when the simulator's said `facts.now`. */
  let heardMs = 0;

  const nowMs = () => {
    if (facts === null) return Date.now();
    return Date.parse(facts.now) + (facts.mode === 'frozen' ? 0 : Date.now() - heardMs);
  };

  async function move(body) {
    const moved = await call('POST', '/clock', body);
    const deaf = (moved.followers ?? []).filter(({ last_error: error }) => error !== null && error !== undefined);
    const sentences = deaf.map(({ url, last_error: error }) => ` ${url} did not follow: ${error}`);
    return `The clock says ${timeText(moved.now)} UTC.${sentences.join('')}`;
  }

  for (const button of document.querySelectorAll('[data-jump]')) {
    onClick(button, line, () => move({ advance_ms: Number(button.dataset.jump) }));
  }
  onClick(byId('clock-due'), line, () => {
    if (!facts?.next_due_at) throw new Error('Nothing is due: nothing waits, and no trial or delivery is under way.');
    return move({ set: facts.next_due_at });
  });
  onSubmit(byId('clock-form'), line, async ({ jump }) => {
    const sentence = await move(readJump(jump));
    byId('clock-form').reset();
    return sentence;
  });
  freeze.addEventListener('click', () => {
    const mode = facts?.mode === 'frozen' ? 'running' : 'frozen';
    void act(freeze, line, async () => {
      await call('POST', '/clock', { mode });
      return mode === 'frozen' ? 'The clock stands still until it is moved.' : 'The clock runs.';
    });
  });

  function tick() {
    if (facts === null) return;
    const now = nowMs();
    setText(byId('clock-now'), timeText(now));
    setText(byId('clock-offset'), offsetText(now - Date.now()));
    byId('clock-now').dateTime = new Date(now).toISOString();
    const next = facts.next_due_at;
    const dueIn =
      next === null ? 'nothing is due' : `next thing due in ${durationText(Math.max(Date.parse(next) - now, 0))}`;
    setText(byId('clock-next'), `; ${dueIn}`);
  }

  return {
    nowMs,
    tick,
    show({ clock }) {
      facts = clock;
      heardMs = Date.now();
      setText(byId('clock-mode'), clock.mode);
      setText(freeze, clock.mode === 'frozen' ? 'Let it run' : 'Freeze');
      tick();
    },
  };
}

/** To the minute: while the clock is moved, the machine's goes on, so that seven days end a moment short of it. */
function offsetText(offsetMs) {
  const minutes = Math.round(offsetMs / 60_000);
  if (minutes === 0) return "at this machine's time";
  return `${durationText(minutes * 60_000)} ${minutes > 0 ? 'ahead of' : 'behind'} this machine`;
}
