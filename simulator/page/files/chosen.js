/** The chosen installation: what is known about it, and what its customer can do. */
import { onClick, onSubmit, say } from './act.js';
import { call } from './api.js';
import { byId, element, setAttribute, setText, showItems } from './dom.js';
import { createWait } from './list.js';
import { stateText } from './states.js';
import { timeText } from './time.js';

export function setUpChosen(page) {
  const line = byId('chosen-result');
  let known = null;
  let shownId = null;
  /** The installation that took the place of the one that was chosen: what came of it is said there. */
  let reinstalledId = null;

  const act = async (what, body, done) => {
    const made = await call('POST', `/installations/${encodeURIComponent(page.chosen())}/${what}`, body);
    return `${done} ${sentText(made)}`;
  };

  onSubmit(byId('users-form'), line, ({ users }) => act('update', { users: readUsers(users) }, 'Users updated.'));
  onSubmit(byId('plan-form'), line, ({ name, type, licenses }) => {
    const plan = {
      ...(name && { name }),
      ...(type && { type }),
      ...(licenses && { licenses: wholeNumber('Licenses', licenses) }),
    };
    if (Object.keys(plan).length === 0) throw new Error('Say what is to change: the plan, its type or its licenses.');
    return act('update', { plan }, 'Plan changed.');
  });
  onSubmit(byId('uninstall-form'), line, ({ reason }) =>
    act('uninstall', reason ? { reason: { type: 'other', message: reason } } : {}, 'Uninstalled.'),
  );
  onSubmit(byId('logout-form'), line, ({ user_email: email }) =>
    act('logout', email ? { user_id: email, user_email: email } : {}, 'Logged out.'),
  );
  onClick(byId('rotate-routine'), line, () => act('rotate', { kind: 'routine' }, 'New credentials.'));
  onClick(byId('rotate-compromised'), line, () =>
    act('rotate', { kind: 'compromised' }, 'New credentials, the old ones are dead.'),
  );
  onClick(byId('trial-start'), line, () => act('trial/start', {}, 'Trial started.'));
  onClick(byId('trial-extend'), line, () => act('trial/extend', {}, 'Trial extended.'));
  onClick(byId('trial-end'), line, () => act('trial/end', { reason: byId('trial-reason').value }, 'Trial ended.'));
  onClick(byId('reinstall'), line, async () => {
    const { app_id, account_name, region, plan, settings } = known;
    const users = settings.in_force.users.map((id) => ({ id }));
    const made = await call('POST', '/installations', { app_id, account_name, region, plan, users });
    reinstalledId = made.installation_id;
    page.choose(reinstalledId);
    return `Installed again as ${made.installation_id}. ${sentText({ events: [{ type: 'app.installed' }] })}`;
  });

  function showFacts(item) {
    const { users_total: users, plan, settings, trial } = item;
    const wanted = settings.wanted;
    const facts = {
      Installation: item.installation_id,
      App: item.app_id,
      Account: `${item.account_id}, region ${item.region}`,
      Users:
        wanted === null || wanted.users.length === users
          ? String(users)
          : `${users}, the update asks for ${wanted.users.length}`,
      Plan:
        wanted === null || planText(wanted.plan) === planText(plan)
          ? planText(plan)
          : `${planText(plan)}; the update asks for ${planText(wanted.plan)}`,
      Trial: trialText(trial),
      'Token requests': String(item.token_requests),
    };
    showFactList(byId('chosen-facts'), facts);
  }

  function show({ selected }) {
    known = selected;
    byId('chosen-none').hidden = selected !== null;
    byId('chosen-body').hidden = selected === null;
    if (page.chosen() !== shownId) {
      shownId = page.chosen();
      // What came of an action on another installation would be misread.
      if (shownId !== reinstalledId) say(line, '');
      for (const form of byId('chosen-body').querySelectorAll('form')) form.reset();
    }
    if (selected === null) {
      setText(
        byId('chosen-title'),
        page.chosen() === '' ? 'No installation chosen' : 'There is no installation of this id',
      );
      return;
    }
    setText(byId('chosen-title'), selected.account_name);
    setText(byId('chosen-state'), stateText(selected.state));
    setAttribute(byId('chosen-state'), 'data-state', selected.state);
    byId('chosen-run').hidden = selected.run_link === null;
    setAttribute(byId('chosen-run'), 'href', selected.run_link);
    showFacts(selected);
    const processes = [...selected.processes].reverse();
    showItems(
      byId('chosen-processes'),
      processes,
      ({ event_id: id }) => id,
      () => createProcess(page),
    );
  }

  return {
    show,
    tick() {
      if (known !== null) show({ selected: known });
    },
  };
}

/** Names and values, one pair after the other. */
export function showFactList(list, facts) {
  showItems(
    list,
    Object.entries(facts),
    ([name]) => name,
    ([name]) => {
      const value = element('dd');
      return { root: element('div', {}, element('dt', {}, name), value), update: ([, text]) => setText(value, text) };
    },
  );
}

function createProcess(page) {
  const wait = createWait(page);
  const ended = element('span');
  const root = element('li');
  return {
    root,
    update(process) {
      const open = process.ended === null;
      if (open) wait.update(process);
      else setText(ended, `${process.kind}: ${process.ended} at ${timeText(process.ended_at)}`);
      const inside = open ? wait.root : ended;
      if (root.firstChild !== inside) root.replaceChildren(inside);
    },
  };
}

function sentText({ events = [] }) {
  return events.length === 0 ? '' : `Sent: ${events.map(({ type }) => type).join(', ')}.`;
}

function planText({ name, type, licenses }) {
  return `${name} (${type}), ${licenses} licenses`;
}

function trialText(trial) {
  if (!trial) return 'none';
  if (trial.ended_at !== null) return `ended at ${timeText(trial.ended_at)}: ${trial.ended_reason}`;
  return `until ${timeText(trial.expires_at)}`;
}

/**
 * A number, or ids: a list has a comma, so that a slip of a number is not taken for somebody's id.
 * @throws Error in the words of the control API
 */
export function readUsers(text) {
  if (/^\d+$/.test(text)) return Number(text);
  const ids = text
    .split(',')
    .map((id) => id.trim())
    .filter((id) => id !== '');
  if (text.includes(',') && ids.length > 0 && ids.every((id) => Number.isNaN(Number(id)))) return ids;
  throw new Error(
    'users: must be a whole number from 0 to 100000, or a list: ids that are no numbers, with commas between them.',
  );
}

/** @throws Error when the field holds anything else */
export function wholeNumber(field, text) {
  if (/^\d+$/.test(text)) return Number(text);
  throw new Error(`${field}: give a whole number.`);
}
