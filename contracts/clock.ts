/** Business time. The one source of "now" outside workflows, passed in everywhere, so that tests and demos can move days. */
export type Clock = () => Date;

/** The machine's own clock. */
export const systemClock: Clock = () => new Date();
