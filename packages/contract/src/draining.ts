/**
 * Target → agent, on answers to plain requests: this target stops. The agent sends it no new clients and gives up the connections to it that it
 * has kept. Never reaches clients.
 */
export const drainingHeader = 'x-gopush-draining';
