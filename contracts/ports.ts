/** What a process of the service reaches the outside through. */
export type PortName = 'inbox' | 'signatureKeys' | 'temporal' | 'processes' | 'talkdesk' | 'product';

/**
 * Stands around the ports of a process: gives the port itself, or one of the same methods that does something before or after them.
 * Fault tests end the process there; a port's new method has its crash points by itself.
 */
export type AroundPort = <Port extends object>(name: PortName, port: Port) => Port;

/** Nothing around any port. */
export const bare: AroundPort = (_name, port) => port;
