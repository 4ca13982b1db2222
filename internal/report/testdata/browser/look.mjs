// Opens pages in Chromium and looks for what a reader would stumble over: one JSON
// object a line with what was found. Usage: node look.mjs CHROMIUM OUTPUT MODULES PAGE...
import { createRequire } from 'node:module';
import { basename } from 'node:path';
import { pathToFileURL } from 'node:url';

const [chromium, output, modules, ...pages] = process.argv.slice(2);
const require = createRequire(pathToFileURL(modules + '/'));
const playwright = require('playwright-core');
const axe = require.resolve('axe-core/axe.min.js');

const browser = await playwright.chromium.launch({
  executablePath: chromium,
  args: ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync'],
});
for (const page of pages) {
  for (const width of [1280, 390]) {
    for (const colorScheme of ['light', 'dark']) {
      const context = await browser.newContext({ viewport: { width, height: 844 }, colorScheme, deviceScaleFactor: 1, bypassCSP: true });
      const tab = await context.newPage();
      const name = basename(page, '.html');
      const found = { page: name, width, scheme: colorScheme, console: [], requests: [], dialogs: [], axe: [], overflow: 0, wide: [], title: '' };
      tab.on('console', (m) => found.console.push(`${m.type()}: ${m.text()}`));
      tab.on('pageerror', (e) => found.console.push(`error: ${e.message}`));
      tab.on('dialog', (d) => { found.dialogs.push(d.message()); d.dismiss(); });
      tab.on('request', (r) => { if (r.url() !== pathToFileURL(page).href) found.requests.push(r.url().slice(0, 200)); });
      await tab.goto(pathToFileURL(page).href, { waitUntil: 'load' });
      found.title = await tab.title();
      found.background = await tab.evaluate(() => getComputedStyle(document.body).backgroundColor);
      found.overflow = await tab.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
      // What sticks out of the page although it may not scroll by itself.
      found.wide = await tab.evaluate(() => [...document.querySelectorAll('body *')]
        .filter((e) => !e.closest('.scroll, .hidden, svg') && e.getBoundingClientRect().right > innerWidth + 1).map((e) => e.outerHTML.slice(0, 120)));
      // Texts of a plot that leave it, or lie on each other.
      found.texts = await tab.evaluate(() => [...document.querySelectorAll('svg[role=img]')].filter((s) => s.getBoundingClientRect().width > 0).flatMap((svg) => {
        const frame = svg.getBoundingClientRect();
        const boxes = [...svg.querySelectorAll('text')].map((t) => [t.textContent, t.getBoundingClientRect()]);
        const out = boxes.filter(([, b]) => b.left < frame.left - 1 || b.right > frame.right + 1 || b.top < frame.top - 1 || b.bottom > frame.bottom + 1).map(([t]) => `outside: ${t}`);
        const rest = boxes.slice(0, 400); // enough, and it is a square
        for (let i = 0; i < rest.length; i++) {
          for (let j = 0; j < i; j++) {
            const [a, b] = [rest[i][1], rest[j][1]];
            if (Math.min(a.right, b.right) - Math.max(a.left, b.left) > 2 && Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top) > 4) out.push(`overlap: ${rest[i][0]} / ${rest[j][0]}`);
          }
        }
        return out;
      }));
      found.smallest = await tab.evaluate(() => Math.min(99, ...[...document.querySelectorAll('svg[role=img] text')].filter((t) => t.getBoundingClientRect().width > 0)
        .map((t) => parseFloat(getComputedStyle(t).fontSize) * t.ownerSVGElement.getBoundingClientRect().width / t.ownerSVGElement.viewBox.baseVal.width)));
      await tab.screenshot({ path: `${output}/${name}-${width}-${colorScheme}.png`, fullPage: true });
      await tab.addScriptTag({ path: axe }); // the page's own policy would forbid it
      const result = await tab.evaluate(() => axe.run({ resultTypes: ['violations'] }));
      found.axe = result.violations.map((v) => `${v.impact} ${v.id}: ${v.help}: ${v.nodes[0].html.slice(0, 160)} (${v.nodes.length})`);
      // A download needs no request either.
      if (width === 1280 && colorScheme === 'light') {
        const [download] = await Promise.all([tab.waitForEvent('download'), tab.click('a[download]')]);
        found.download = `${output}/${name}-download`;
        found.downloadName = download.suggestedFilename();
        await download.saveAs(found.download);
        await tab.emulateMedia({ media: 'print' });
        await tab.pdf({ path: `${output}/${name}.pdf`, format: 'A4' });
      }
      found.requests = found.requests.filter((u) => !u.startsWith('data:application/'));
      console.log(JSON.stringify(found));
      await context.close();
    }
  }
}
await browser.close();
