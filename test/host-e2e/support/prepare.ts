/** Builds what every test host needs, once and before the first of them: images and packages. */
import { buildImages } from './host.ts';
import { buildPackages } from './packages.ts';

// The images come over the network, the packages keep a core busy.
const images = buildImages();
buildPackages();
await images;
