/** The server's own account of itself, asked over the control socket without starting a command. */
import { request } from 'node:http';
import type { StatusReport } from '../../src/control/reports.ts';
import type { Homeport } from '../support/homeport.ts';

/** GET of a path of the control socket, as parsed JSON. */
export function controlGet(server: Homeport, path: string): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const asked = request({ socketPath: server.control, path }, (response) => {
      let text = '';
      response.setEncoding('utf8').on('data', (chunk) => {
        text += chunk;
      });
      response.on('end', () => resolve(JSON.parse(text)));
    });
    asked.on('error', reject);
    asked.end();
  });
}

/** `/v1/status`. */
export async function statusOf(server: Homeport): Promise<StatusReport> {
  // The server's own report: its type is what the control room promises.
  return (await controlGet(server, '/v1/status')) as StatusReport;
}
