// A blurred background, where camera and system have it (Media Capture Extensions, backgroundBlur): the picture is blurred before the
// browser gets it, and nothing of ours looks at it. It is offered only where it can be switched.
import { $, failed, t, write } from "./lib.js";
import { keepDevices, keptDevices } from "./meeting_devices.js";

/** background shows the switches of the device check and of the room for the camera that track() gives, and keeps the choice. */
export function background(track) {
  function draw() {
    const camera = track();
    const ways = camera?.getCapabilities?.().backgroundBlur ?? [];
    const on = Boolean(camera?.getSettings().backgroundBlur);
    const offered = ways.includes(true) && ways.includes(false);
    $("m-blur-part").hidden = $("m-b-blur").hidden = !offered;
    $("m-blur").checked = on;
    $("m-b-blur").setAttribute("aria-pressed", String(on));
    write($("m-blur-state"), !camera || offered ? "" : on ? t("m.blur.forced") : t("m.blur.system"));
  }

  async function set(on) {
    const camera = track();
    await camera.applyConstraints({ ...camera.getConstraints(), backgroundBlur: on });
    draw();
  }

  const choose = (on) => {
    keepDevices({ blur: on });
    set(on).catch((err) => {
      failed(err);
      draw();
    });
  };
  $("m-blur").addEventListener("change", () => choose($("m-blur").checked));
  $("m-b-blur").addEventListener("click", () => choose($("m-b-blur").getAttribute("aria-pressed") !== "true"));

  return {
    /** use follows another camera, and tells it what was chosen. */
    use(camera) {
      draw();
      camera?.addEventListener("configurationchange", draw);
      const { blur } = keptDevices();
      if (blur !== undefined && !$("m-blur-part").hidden && blur !== $("m-blur").checked) set(blur).catch(draw);
    },
  };
}
