// Shows the reader's own zone: the exact time on hover, and clock times in the text.
;(() => {
  const exact = new Intl.DateTimeFormat(undefined, { dateStyle: 'full', timeStyle: 'long' })
  const clock = new Intl.DateTimeFormat(undefined, { timeStyle: 'medium', hourCycle: 'h23' })

  function localize() {
    for (const element of document.querySelectorAll('time[datetime]')) {
      const moment = new Date(element.dateTime)
      if (Number.isNaN(moment.getTime())) continue
      element.title = exact.format(moment)
      if (element.dataset.clock !== undefined) element.textContent = clock.format(moment)
    }
  }

  localize()
  document.addEventListener('htmx:after:swap', localize)
})()
