// Renews the parts marked `data-live` every two seconds, unless the keyboard is in them or one is being read.
;(() => {
  const EVERY_MS = 2000

  async function renew() {
    if (document.hidden) return
    const answer = await fetch(location.href, { headers: { accept: 'text/html' } })
    if (!answer.ok) return
    const next = new DOMParser().parseFromString(await answer.text(), 'text/html')
    for (const part of document.querySelectorAll('[data-live]')) {
      const fresh = next.getElementById(part.id)
      const isInUse = part.contains(document.activeElement) || part.querySelector('details[open]')
      if (fresh && !isInUse && fresh.innerHTML !== part.innerHTML) part.replaceChildren(...fresh.childNodes)
    }
  }

  if (document.querySelector('[data-live]')) setInterval(() => renew().catch(() => {}), EVERY_MS)
})()
