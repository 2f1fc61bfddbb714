/** What a page's form would send if its button were pressed at once; undefined when the page has no such form. */
export function fieldsOf(page: string, action: string): Record<string, string> | undefined {
  const form = `form[action="${action}"]`
  const fields: Record<string, string> = {}
  let isThere = false
  new HTMLRewriter()
    .on(form, {
      element() {
        isThere = true
      },
    })
    .on(`${form} input`, {
      element(input) {
        const [name, type] = [input.getAttribute('name'), input.getAttribute('type')]
        const isChosen = !['checkbox', 'radio'].includes(type ?? '') || input.hasAttribute('checked')
        if (name && isChosen) fields[name] = input.getAttribute('value') ?? ''
      },
    })
    .transform(page)
  return isThere ? fields : undefined
}
