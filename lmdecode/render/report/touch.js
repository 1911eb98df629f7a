// A finger does on a chart what a mouse does: across, it looks closer; up and down still scrolls the page (page.css).
const FIRST_STEP = 8; // CSS pixels until a finger drags, and does not only tap

const coarse = matchMedia("(pointer: coarse)");

/** Lets a finger drag on a chart, which knows mice only. */
function draggable(u) {
  let began = null;
  let drags = false;
  const as = (type, target, event) => target.dispatchEvent(new MouseEvent(type, { bubbles: true, cancelable: true, view: window, button: 0, clientX: event.clientX, clientY: event.clientY, movementX: 1 }));
  u.over.addEventListener("pointerdown", (event) => {
    if (event.pointerType === "mouse" || !event.isPrimary) return;
    began = event;
    drags = false;
  });
  u.over.addEventListener("pointermove", (event) => {
    if (!began || event.pointerId !== began.pointerId) return;
    if (!drags && Math.abs(event.clientX - began.clientX) >= FIRST_STEP) {
      drags = true;
      as("mousemove", u.over, began);
      as("mousedown", u.over, began);
    }
    if (drags) as("mousemove", u.over, event);
  });
  u.over.addEventListener("pointerup", (event) => {
    if (drags) as("mouseup", document, event);
    began = null;
    drags = false;
  });
  u.over.addEventListener("pointercancel", () => {
    if (drags) as("mouseup", document, began); // where it began: nothing is chosen
    began = null;
    drags = false;
  });
}

addEventListener("scroll", () => tip(""), { passive: true }); // what a finger called up stays until the next tap
