/** The live log of deliveries and requests. */
import { byId, element, setAttribute, setText, showItems } from './dom.js';
import { shortTime, timeText } from './time.js';

/** The newest lines; older ones are found under the installation they belong to, or with the command line. */
const LINES = 100;
const MARKS = { good: '✓', wrong: '✕', fault: '⚡', open: '…' };

export function setUpLog(page) {
  const form = byId('log-form');
  const { lines, chosen } = form.elements;
  let log = [];
  form.addEventListener('submit', (event) => event.preventDefault());
  lines.addEventListener('change', showLines);
  chosen.addEventListener('change', () => page.refresh());

  function createLine({ direction }) {
    const time = element('time');
    const what = element('strong');
    const detail = element('span', { class: 'under code' });
    const account = element('span');
    const answer = element('span');
    const ms = element('span', { class: 'under' });
    const verdict = element('span', { class: 'verdict' });
    const more = element('pre');
    const unfold = element('details', {}, element('summary', {}, 'Content'), more);
    const arrow = direction === 'delivery' ? '→ to you' : '← from you';
    const root = element(
      'tr',
      {},
      element('td', { class: 'time' }, time),
      element('td', {}, element('span', { class: 'arrow' }, `${arrow} `), what, account, detail),
      element('td', { class: 'answer' }, answer, ms),
      element('td', {}, verdict, unfold),
    );
    return {
      root,
      update(line) {
        setText(time, shortTime(line.at, page.nowMs()));
        setAttribute(time, 'title', `${timeText(line.at)} UTC`);
        setText(what, line.what);
        setText(detail, shortIds(line.detail));
        setAttribute(detail, 'title', line.detail);
        setText(account, line.account_name === null ? '' : ` · ${line.account_name}`);
        setText(answer, line.status === null ? (line.judgement === 'open' ? '…' : 'none') : line.status);
        setText(ms, line.judgement === 'open' ? '' : `${Math.round(line.ms)} ms`);
        setText(verdict, `${MARKS[line.judgement]} ${line.verdict}`);
        setAttribute(verdict, 'data-judgement', line.judgement);
        unfold.hidden = line.more === null;
        setText(more, line.more);
      },
    };
  }

  function isShown({ direction, judgement }) {
    if (lines.value === 'all') return true;
    if (lines.value === 'wrong') return judgement === 'wrong' || judgement === 'fault';
    return direction === lines.value;
  }

  function showLines() {
    const visible = log.filter(isShown);
    showItems(byId('log-rows'), visible, ({ key }) => key, createLine);
    byId('log-empty').hidden = visible.length > 0;
    setText(
      byId('log-empty'),
      log.length === 0 ? 'Nothing was delivered or asked yet.' : 'No such line among the newest.',
    );
    setText(byId('log-count'), log.length < LINES ? '' : `the newest ${LINES} lines`);
  }

  return {
    query: () => ({
      log: String(LINES),
      ...(chosen.checked && page.chosen() !== '' && { installation_id: page.chosen() }),
    }),
    show(answer) {
      if (page.view() !== 'installations') return;
      log = answer.log;
      showLines();
    },
  };
}

/** Ids of thirty-two digits say little and fill a line; the whole text is the title of what is shown. */
function shortIds(text) {
  return text.replace(/[0-9a-f]{32}/g, (id) => `${id.slice(0, 8)}…`);
}
