import { type Installation, lastProcess } from '../world/world.js';

/** What a run's link may name. */
export const runLinkNames: readonly string[] = ['app_id', 'account_id', 'installation_id', 'event_id'];

/** The address at which the partner's backend shows what it does for an installation; null when nobody said how that is built. */
export type RunLink = (installation: Installation) => string | null;

/**
 * Links of this form.
 * @param template a URL with {app_id}, {account_id}, {installation_id} and {event_id} (of the newest install, update or uninstall)
 */
export function createRunLink(template: string | undefined): RunLink {
  return (installation) => {
    if (template === undefined) return null;
    const values: Record<string, string> = {
      app_id: installation.app.id,
      account_id: installation.account.id,
      installation_id: installation.id,
      event_id: lastProcess(installation)?.eventId ?? '',
    };
    return template.replace(/\{(\w+)\}/g, (whole, name: string) => {
      const value = values[name];
      return value === undefined ? whole : encodeURIComponent(value);
    });
  };
}
