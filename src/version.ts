/** The version of this program; a test holds it against package.json, which a single executable has not. */
export const VERSION = '0.1.0';
