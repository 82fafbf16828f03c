/** The list of installations. */
import { byId, element, setAttribute, setText, showItems } from './dom.js';
import { stateText } from './states.js';
import { leftText, timeText } from './time.js';

/** So many fit without a long way down; the rest is found by search or page by page. */
const PAGE_SIZE = 50;

export function setUpList(page) {
  const form = byId('list-form');
  const rows = byId('list-rows');
  let offset = 0;
  let listed = [];

  function ask() {
    offset = 0;
    page.refresh();
  }
  form.addEventListener('submit', (event) => event.preventDefault());
  form.elements.search.addEventListener('input', ask);
  form.elements.show.addEventListener('change', ask);
  byId('list-back').addEventListener('click', () => {
    offset = Math.max(0, offset - PAGE_SIZE);
    page.refresh();
  });
  byId('list-on').addEventListener('click', () => {
    if (byId('list-on').getAttribute('aria-disabled') === 'true') return;
    offset += PAGE_SIZE;
    page.refresh();
  });

  function createRow({ installation_id: id }) {
    const choose = element('button', { type: 'button', class: 'link', onclick: () => page.choose(id) });
    const under = element('span', { class: 'under' });
    const state = element('span', { class: 'badge' });
    const reason = element('span', { class: 'under' });
    const waits = element('ul', { class: 'waits' });
    const users = element('span');
    const plan = element('span', { class: 'under' });
    const root = element(
      'tr',
      {},
      element('th', { scope: 'row' }, choose, under),
      element('td', {}, state, reason),
      element('td', {}, waits),
      element('td', {}, users, plan),
    );
    return {
      root,
      update(item) {
        setText(choose, item.account_name);
        setAttribute(choose, 'aria-current', item.installation_id === page.chosen() ? 'true' : null);
        root.classList.toggle('chosen', item.installation_id === page.chosen());
        setText(under, `${item.region} · ${item.app_id}`);
        setText(state, stateText(item.state));
        setAttribute(state, 'data-state', item.state);
        setText(reason, item.state_reason === null ? '' : `said: ${item.state_reason}`);
        showItems(
          waits,
          item.waiting,
          ({ event_id: eventId }) => eventId,
          () => createWait(page),
        );
        setText(users, `${item.users_total} ${item.users_total === 1 ? 'user' : 'users'}`);
        setText(plan, planText(item));
      },
    };
  }

  function show({ installations, totals }) {
    listed = installations.items;
    const { matching, offset: from } = installations;
    setText(
      byId('list-count'),
      `${totals.installations} in ${totals.accounts} accounts, ${totals.waiting} waiting for your backend`,
    );
    showItems(rows, listed, ({ installation_id: id }) => id, createRow);
    byId('list-empty').hidden = listed.length > 0;
    setText(byId('list-empty'), totals.installations === 0 ? 'Nothing is installed yet.' : 'None like this.');
    byId('list-pages').hidden = matching <= PAGE_SIZE && from === 0;
    setText(byId('list-range'), matching === 0 ? '' : `${from + 1} to ${from + listed.length} of ${matching}`);
    // Not disabled, so that the focus is not lost at the end of the list.
    setAttribute(byId('list-back'), 'aria-disabled', from === 0 ? 'true' : null);
    setAttribute(byId('list-on'), 'aria-disabled', from + listed.length >= matching ? 'true' : null);
  }

  return {
    query: () => ({
      search: form.elements.search.value,
      show: form.elements.show.value,
      limit: String(PAGE_SIZE),
      offset: String(offset),
    }),
    show(answer) {
      if (page.view() === 'installations') show(answer);
    },
    tick() {
      showItems(rows, listed, ({ installation_id: id }) => id, createRow);
    },
  };
}

/** One process with the time left in its window, in words and as a bar. */
export function createWait(page) {
  const kind = element('strong');
  const left = element('span');
  const filled = element('span');
  const bar = element('span', { class: 'bar-of-time', 'aria-hidden': 'true' }, filled);
  return {
    root: element('li', {}, element('span', { class: 'wait' }, kind, ' ', left), bar),
    update({ kind: name, created_at: begun, deadline }) {
      const [start, end, now] = [Date.parse(begun), Date.parse(deadline), page.nowMs()];
      const share = Math.min(1, Math.max(0, (end - now) / (end - start)));
      setText(kind, name);
      setText(left, leftText(deadline, now));
      setAttribute(left, 'title', `until ${timeText(deadline)} UTC`);
      filled.style.width = `${100 * share}%`;
      bar.classList.toggle('short', share < 0.15);
    },
  };
}

function planText({ plan, trial_expires_at: expires }) {
  const trial = expires === null ? '' : `, trial until ${timeText(expires).slice(0, 10)}`;
  return `${plan.name}, ${plan.licenses} ${plan.licenses === 1 ? 'license' : 'licenses'}${trial}`;
}
