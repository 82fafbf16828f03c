/** The page: asks for the overview again and again while somebody looks, and shows it. */
import { DONE } from './act.js';
import { overview } from './api.js';
import { setUpApps } from './apps.js';
import { setUpChosen } from './chosen.js';
import { setUpClock } from './clock.js';
import { byId, setAttribute, setText } from './dom.js';
import { setUpFaults } from './faults.js';
import { setUpInstall } from './install.js';
import { setUpList } from './list.js';
import { setUpLog } from './log.js';
import { setUpSwitches } from './switches.js';
import { setUpVerdicts } from './verdicts.js';

const POLL_MS = 1_000;

const views = [...document.querySelectorAll('[data-view]')];
const links = [...document.querySelectorAll('nav a')];

/** What the address names: a view, and the installation that is chosen. */
function place() {
  const [view = '', chosen = ''] = location.hash.slice(1).split('/');
  const known = views.some(({ dataset }) => dataset.view === view);
  return { view: known ? view : shownView, chosen: known ? decode(chosen) : chosenId };
}

function decode(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    return '';
  }
}

let shownView = 'installations';
let chosenId = '';

const page = {
  /** Id of the chosen installation, empty for none. */
  chosen: () => chosenId,
  choose(id) {
    location.hash = `#installations/${encodeURIComponent(id)}`;
  },
  view: () => shownView,
  /** The simulator's time, between two answers too; `null` before the first one. */
  nowMs: () => clock.nowMs(),
  refresh: () => void poll(),
};

const clock = setUpClock();
const list = setUpList(page);
const chosen = setUpChosen(page);
const log = setUpLog(page);
const install = setUpInstall(page);
const faults = setUpFaults(page);
const verdicts = setUpVerdicts(page);
const apps = setUpApps();
const switches = setUpSwitches();
const parts = [clock, list, chosen, log, install, faults, verdicts, apps, switches];

function follow() {
  ({ view: shownView, chosen: chosenId } = place());
  for (const view of views) view.hidden = view.dataset.view !== shownView;
  for (const link of links) {
    const name = link.hash.slice(1).split('/')[0];
    setAttribute(link, 'aria-current', name === shownView ? 'page' : null);
    // The chosen installation stays chosen from view to view.
    setAttribute(link, 'href', chosenId === '' ? `#${name}` : `#${name}/${encodeURIComponent(chosenId)}`);
  }
  void poll();
}

let shown = null;
let asking = false;
let again = false;
let timer;

/** Asks and shows; one question at a time, and one more when something happened meanwhile. */
async function poll() {
  if (asking) {
    again = true;
    return;
  }
  asking = true;
  clearTimeout(timer);
  try {
    do {
      again = false;
      await ask();
    } while (again);
  } finally {
    asking = false;
    if (!document.hidden) timer = setTimeout(poll, POLL_MS);
  }
}

async function ask() {
  const connection = byId('connection');
  try {
    const query = new URLSearchParams(
      shownView === 'installations' ? { ...list.query(), ...log.query() } : { limit: '1', log: '0' },
    );
    if (chosenId !== '') query.set('selected', chosenId);
    const answer = await overview(`/overview?${query}`);
    setText(connection, 'Live');
    connection.classList.remove('failed');
    if (answer !== shown) {
      shown = answer;
      for (const part of parts) part.show(answer);
    }
    await Promise.all([faults.ask(), verdicts.ask()]);
  } catch (error) {
    setText(connection, error.message);
    connection.classList.add('failed');
  }
}

// Time passes although nothing happens.
setInterval(() => {
  if (document.hidden || shown === null) return;
  for (const part of [clock, list, chosen]) part.tick();
}, 1_000);

addEventListener('hashchange', follow);
document.addEventListener('visibilitychange', () => void poll());
document.addEventListener(DONE, () => void poll());
follow();
