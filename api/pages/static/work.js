"use strict";
// The page works without this file: it is then loaded anew every few seconds.
(() => {
  const work = document.getElementById("work");
  if (!work?.dataset.events) return;
  const states = { accepted: "Waits for its turn", running: "Under way" };
  const say = (id, text) => {
    const place = document.getElementById(id);
    if (place && place.textContent !== text) place.textContent = text;
  };
  const share = (part) => `${(100 * part).toFixed(2)}%`;
  const show = (event) => {
    const job = JSON.parse(event.data);
    document.getElementById("work-share").value = job.percent;
    say("work-state", states[job.status] || job.status);
    say("work-step", job.step || "Waiting");
    if (job.objective !== null) {
      const limit = job.bound ? `; no plan can exceed ${share(job.bound)}` : "";
      say("work-found", `The best plan so far reaches ${share(job.objective)} of expected demand${limit}.`);
    }
  };
  const events = new EventSource(work.dataset.events);
  events.addEventListener("progress", show);
  events.addEventListener("end", () => { events.close(); location.reload(); });
  // Too many readers, or a service that starts again: look anew in a while.
  events.addEventListener("error", () => {
    if (events.readyState === EventSource.CLOSED) setTimeout(() => location.reload(), 5000);
  });
})();
