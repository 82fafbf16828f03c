/** What the simulator's oracle says about the partner's backend. */
import { say } from './act.js';
import { call } from './api.js';
import { showFactList } from './chosen.js';
import { byId, element, setAttribute, setOptions, setText, showItems } from './dom.js';
import { timeText } from './time.js';

const MARKS = { kept: '✓ kept', broken: '✕ broken', 'not-seen': '– not seen' };
/** What needs a look comes first. */
const ORDER = ['broken', 'kept', 'not-seen'];
/** A rule that is broken at every request would fill the page. */
const SHOWN_BREACHES = 50;

export function setUpVerdicts(page) {
  const form = byId('verdicts-form');
  const line = byId('verdicts-result');
  const { app_id: app, chosen } = form.elements;
  form.addEventListener('submit', (event) => event.preventDefault());
  form.addEventListener('change', () => page.refresh());

  function createRule() {
    const status = element('span', { class: 'badge' });
    const title = element('strong');
    const about = element('span', { class: 'under' });
    const summary = element('summary');
    const breaches = element('ul', { class: 'breaches' });
    const unfold = element('details', {}, summary, breaches);
    return {
      root: element('li', {}, status, element('div', {}, title, about, unfold)),
      update(rule) {
        setText(status, MARKS[rule.status] ?? rule.status);
        setAttribute(status, 'data-state', rule.status);
        setText(title, rule.title);
        setText(about, `${rule.rule}; looked at ${rule.checked} times; ${rule.source}`);
        unfold.hidden = rule.broken.length === 0;
        const more = rule.broken.length - SHOWN_BREACHES;
        setText(
          summary,
          `${rule.broken.length} times broken${more > 0 ? `, the last ${SHOWN_BREACHES} are shown` : ''}`,
        );
        const last = rule.broken.slice(-SHOWN_BREACHES).map((breach, place) => ({ ...breach, place }));
        showItems(breaches, last, ({ place, at }) => `${place}/${at}`, createBreach);
      },
    };
  }

  return {
    show({ apps }) {
      setOptions(app, [['', 'all apps'], ...apps.map(({ app_id: id }) => [id])]);
    },
    async ask() {
      if (page.view() !== 'verdicts') return;
      const query = new URLSearchParams();
      if (app.value !== '') query.set('app_id', app.value);
      if (chosen.checked && page.chosen() !== '') query.set('installation_id', page.chosen());
      try {
        const { rules, figures } = await call('GET', `/verdicts?${query}`);
        const worstFirst = [...rules].sort((one, other) => ORDER.indexOf(one.status) - ORDER.indexOf(other.status));
        showItems(byId('verdicts-list'), worstFirst, ({ rule }) => rule, createRule);
        setText(byId('verdicts-count'), countText(rules));
        const texts = Object.entries(flatten(figures)).map(([name, value]) => [
          name.replaceAll('_', ' '),
          String(value),
        ]);
        byId('figures-title').hidden = texts.length === 0;
        showFactList(byId('verdicts-figures'), Object.fromEntries(texts));
        if (line.textContent !== '') say(line, '');
      } catch (error) {
        say(line, error.message, true);
      }
    },
  };
}

function createBreach({ at, installation_id: installation, event_id: event, request, what }) {
  const where = [
    ...(installation ? [`installation ${installation}`] : []),
    ...(event ? [`event ${event}`] : []),
    ...(request ? [typeof request === 'string' ? request : `request ${JSON.stringify(request)}`] : []),
  ];
  const root = element(
    'li',
    {},
    what,
    element('span', { class: 'under' }, [`${timeText(at)} UTC`, ...where].join(' · ')),
  );
  return { root, update: () => undefined };
}

function countText(rules) {
  const count = (status) => rules.filter((rule) => rule.status === status).length;
  return `${count('broken')} broken, ${count('kept')} kept, ${count('not-seen')} not seen`;
}

/** Figures may come in groups: `acknowledgement.p50_ms` and so on. */
function flatten(figures, prefix = '') {
  return Object.assign(
    {},
    ...Object.entries(figures ?? {}).map(([name, value]) =>
      typeof value === 'object' && value !== null
        ? flatten(value, `${prefix}${name}: `)
        : { [`${prefix}${name}`]: value ?? '–' },
    ),
  );
}
