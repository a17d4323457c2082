// Which devices were chosen, for the next meeting in this browser.

const key = "m-devices";

/** keptDevices are the ids of camera, microphone and loudspeaker by the field that chooses them, and whether the background is blurred. */
export function keptDevices() {
  try {
    return JSON.parse(localStorage.getItem(key)) ?? {};
  } catch {
    return {};
  }
}

export const keepDevices = (change) => localStorage.setItem(key, JSON.stringify({ ...keptDevices(), ...change }));
