// Shows the reader's own zone: the exact time on hover, and clock times in the text. Lets elapsed times run on.
;(() => {
  const TICK_MS = 1000
  const exact = new Intl.DateTimeFormat(undefined, { dateStyle: 'full', timeStyle: 'long' })
  const clock = new Intl.DateTimeFormat(undefined, { timeStyle: 'medium', hourCycle: 'h23' })
  const rendered = new WeakMap()

  function localize() {
    for (const element of document.querySelectorAll('time[datetime]')) {
      const moment = new Date(element.dateTime)
      if (Number.isNaN(moment.getTime())) continue
      element.title = exact.format(moment)
      if (element.dataset.clock !== undefined) element.textContent = clock.format(moment)
    }
    tick()
  }

  function tick() {
    for (const element of document.querySelectorAll('[data-elapsed]')) {
      const { elapsed } = element.dataset
      const last = rendered.get(element)
      const since = last?.elapsed === elapsed ? last.since : performance.now()
      rendered.set(element, { elapsed, since })
      element.textContent = words(Number(elapsed) + performance.now() - since)
    }
  }

  function words(ms) {
    const seconds = Math.max(0, Math.floor(ms / 1000))
    const pad = (number) => String(number).padStart(2, '0')
    if (seconds < 60) return `${seconds} s`
    if (seconds < 3600) return `${Math.floor(seconds / 60)} min ${pad(seconds % 60)} s`
    if (seconds < 2 * 86400) return `${Math.floor(seconds / 3600)} h ${pad(Math.floor((seconds % 3600) / 60))} min`
    return `${Math.floor(seconds / 86400)} d ${pad(Math.floor((seconds % 86400) / 3600))} h`
  }

  localize()
  setInterval(tick, TICK_MS)
  document.addEventListener('htmx:after:swap', localize)
})()
