/** Faults that are set, and scenario files. */
import { onClick, onSubmit, say } from './act.js';
import { call } from './api.js';
import { COMMON_FAULTS } from './common-faults.js';
import { byId, element, setOptions, setText, showItems } from './dom.js';
import { timeText } from './time.js';

export function setUpFaults(page) {
  const common = byId('fault-common');
  const times = byId('fault-times');
  const onlyChosen = byId('fault-chosen');
  const data = byId('fault-form').elements.fault;
  const listLine = byId('faults-result');
  const scenarioText = byId('scenario-form').elements.text;
  /** Of the file whose text is shown; mistakes are told with it. */
  let fileName = '';

  setOptions(
    common,
    COMMON_FAULTS.map(({ name }, place) => [place, name]),
  );
  const compose = () => {
    const { times: _common, ...fault } = COMMON_FAULTS[Number(common.value)].fault;
    const whole = {
      ...fault,
      ...(times.value.trim() !== '' && { times: asNumber(times.value) }),
      ...(onlyChosen.checked && page.chosen() !== '' && { installation_id: page.chosen() }),
    };
    // As the control API takes it: a fault with an end of its own has no limit unless said, any other hits once.
    times.placeholder = 'lasts' in fault || 'probability' in fault ? 'no limit' : '1';
    data.value = JSON.stringify(whole, null, 2);
  };
  common.value = '0';
  const choose = () => {
    times.value = COMMON_FAULTS[Number(common.value)].fault.times ?? '';
    compose();
  };
  common.addEventListener('input', choose);
  for (const control of [times, onlyChosen]) control.addEventListener('input', compose);
  choose();

  onSubmit(byId('fault-form'), byId('fault-result'), async () => {
    const { id } = await call('POST', '/faults', readFault(data.value));
    return `Set as ${id}.`;
  });
  onClick(byId('faults-clear'), listLine, async () => {
    await call('DELETE', '/faults');
    return 'All faults are removed.';
  });
  byId('scenario-file').addEventListener('change', async ({ target }) => {
    const [file] = target.files;
    if (file === undefined) return;
    scenarioText.value = await file.text();
    fileName = file.name;
  });
  onSubmit(byId('scenario-form'), byId('scenario-result'), async ({ text }) => {
    if (text === undefined) throw new Error('Choose a scenario file, or paste its text.');
    // Not trimmed: an error names the line and the column of the text as it stands.
    const path = fileName === '' ? '/scenarios' : `/scenarios?${new URLSearchParams({ file: fileName })}`;
    const { name, scenario_id: id } = await call('POST', path, scenarioText.value, 'application/yaml');
    return `Loaded ${name ?? id} as ${id}.`;
  });

  const remove = (path, line, what) => async () => {
    try {
      await call('DELETE', path);
      say(line, `${what} is removed.`);
    } catch (error) {
      say(line, error.message, true);
    }
    page.refresh();
  };

  function createFault({ id }) {
    const what = element('strong');
    const details = element('span', { class: 'under' });
    const button = element('button', {
      type: 'button',
      onclick: remove(`/faults/${encodeURIComponent(id)}`, listLine, id),
    });
    setText(button, `Remove ${id}`);
    return {
      root: element('li', {}, element('div', {}, what, details), button),
      update({ id: _id, left, used, route, kind, delivery, ...rest }) {
        setText(what, [route ?? delivery ?? 'delivery', kind].filter(Boolean).join(': '));
        const given = Object.entries(rest).filter(([, value]) => value !== null && value !== undefined);
        const words = given.map(
          ([name, value]) => `${name} ${typeof value === 'object' ? JSON.stringify(value) : value}`,
        );
        setText(details, [...words, `used ${used ?? 0} times`, `${left ?? 'any number of'} times left`].join(' · '));
      },
    };
  }

  function createScenario({ scenario_id: id }) {
    const name = element('strong');
    const about = element('span', { class: 'under' });
    const path = `/scenarios/${encodeURIComponent(id)}`;
    const button = element('button', { type: 'button', onclick: remove(path, byId('scenario-result'), id) });
    setText(button, `Remove ${id}`);
    return {
      root: element('li', {}, element('div', {}, name, about), button),
      update(scenario) {
        setText(name, scenario.name ?? id);
        const words = [
          scenario.description,
          `seed ${scenario.seed}`,
          `${scenario.fault_ids.length} faults`,
          stepsText(scenario),
        ];
        setText(about, words.filter(Boolean).join(' · '));
      },
    };
  }

  return {
    show({ totals }) {
      setText(byId('faults-count'), totals.faults === 0 ? '' : ` (${totals.faults} set)`);
    },
    async ask() {
      if (page.view() !== 'faults') return;
      const [{ faults }, { scenarios }] = await Promise.all([call('GET', '/faults'), call('GET', '/scenarios')]);
      showItems(byId('faults-list'), faults, ({ id }) => id, createFault);
      byId('faults-empty').hidden = faults.length > 0;
      showItems(byId('scenario-list'), scenarios, ({ scenario_id: id }) => id, createScenario);
    },
  };
}

/** What is no number stays as it is, for the control API to refuse with its sentence. */
function asNumber(text) {
  return Number.isNaN(Number(text)) ? text : Number(text);
}

function readFault(text) {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new Error(`The fault must be JSON: ${error.message}.`);
  }
}

/** How far the steps of a scenario are, and what kept one from being done. */
function stepsText({ steps }) {
  if (steps.length === 0) return '';
  const done = steps.filter(({ outcome }) => outcome === 'done').length;
  const failed = steps.filter(({ outcome }) => outcome !== null && outcome !== 'done');
  const failures = failed.map(({ at, outcome }) => `; the one at ${timeText(at)}: ${outcome}`);
  return `${done} of ${steps.length} steps done${failures.join('')}`;
}
