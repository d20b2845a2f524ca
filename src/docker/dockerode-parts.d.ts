/**
 * Two of dockerode's parts, which know the engine's paths. The whole of it brings along gRPC, protobuf
 * and an ssh client: 16 MB of memory and a third of a start's time for what homeport never calls.
 */

declare module 'dockerode/lib/container.js' {
  export default class Container {
    /** @param modem what carries the request, in the place of docker-modem */
    constructor(modem: unknown, id: string);
    inspect(options: object): Promise<unknown>;
  }
}

declare module 'dockerode/lib/network.js' {
  export default class Network {
    constructor(modem: unknown, id: string);
    inspect(options: object): Promise<unknown>;
  }
}
