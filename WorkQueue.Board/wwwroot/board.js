// The board works without this script. With it: a theme that is remembered, pages that follow what happens, and keys.
'use strict';

(() => {
    const root = document.documentElement;
    const stored = (() => { try { return localStorage.getItem('theme'); } catch { return null; } })();
    // At once, in the head: the page is never shown in the other mode first.
    if (stored === 'dark' || stored === 'light') root.dataset.theme = stored;

    const isDark = () => root.dataset.theme ? root.dataset.theme === 'dark' : matchMedia('(prefers-color-scheme: dark)').matches;

    function toggleTheme() {
        root.dataset.theme = isDark() ? 'light' : 'dark';
        try { localStorage.setItem('theme', root.dataset.theme); } catch { /* for this page only */ }
    }

    // ---- a page that follows what happens ----

    const interval = 1000;
    let source = null, timer = null, busy = false, dirty = false, lastFetch = 0;

    const main = () => document.getElementById('main');

    function showLive(state) {
        const live = document.getElementById('live');
        if (!live) return;
        live.hidden = false;
        live.classList.toggle('on', state === 'live');
        live.lastElementChild.textContent = state;
    }

    function connect() {
        const url = main()?.dataset.live;
        if (!url || source || document.hidden) return;
        source = new EventSource(url);
        source.onopen = () => showLive('live');
        source.addEventListener('changed', () => { dirty = true; schedule(); });
        source.onerror = () => {
            showLive('reconnecting');
            // A browser gives up where the answer was no stream, as from a proxy whose service is away.
            if (source?.readyState === EventSource.CLOSED) {
                disconnect();
                setTimeout(connect, 3000);
            }
        };
    }

    function disconnect() {
        source?.close();
        source = null;
    }

    // However much happens: at most one fetch at a time, and one a second.
    function schedule() {
        if (timer || busy || document.hidden) return;
        timer = setTimeout(refresh, Math.max(0, lastFetch + interval - Date.now()));
    }

    async function refresh() {
        timer = null;
        if (isSelecting()) {
            timer = setTimeout(refresh, interval);
            return;
        }
        busy = true;
        dirty = false;
        lastFetch = Date.now();
        try {
            const response = await fetch(location.href, { headers: { 'X-Fragment': '1' }, cache: 'no-store' });
            // Signed out, here or at the sign-in page of the application.
            if (response.status === 401 || response.redirected) return location.reload();
            const text = await response.text();
            const next = new DOMParser().parseFromString(text, 'text/html').getElementById('main');
            if (next && response.ok && !isSelecting()) {
                morph(main(), next);
                tellLocalTimes();
            }
        } catch {
            showLive('reconnecting');
        } finally {
            busy = false;
            if (dirty) schedule();
        }
    }

    // Text that somebody is selecting stays as it is.
    function isSelecting() {
        const selection = getSelection();
        return !!selection && !selection.isCollapsed && !!main()?.contains(selection.anchorNode);
    }

    // Makes the old tree like the new one and keeps every node that stays: with it focus, scroll, and text being typed.
    function morph(from, to) {
        morphAttributes(from, to);
        const keyed = new Map();
        for (const child of from.children) if (idOf(child)) keyed.set(idOf(child), child);
        const kept = new Set();
        for (const child of to.children) if (keyed.has(idOf(child))) kept.add(idOf(child));

        let old = from.firstChild;
        for (let next = to.firstChild; next;) {
            const following = next.nextSibling;
            while (old && keyed.has(idOf(old)) && !kept.has(idOf(old))) old = remove(old);
            const known = keyed.get(idOf(next));
            if (known) {
                while (old && old !== known && !kept.has(idOf(old))) old = remove(old);
                if (old !== known) from.insertBefore(known, old);
                else old = old.nextSibling;
                morph(known, next);
            } else {
                // What is there no longer goes before what stays is looked at: exchanged for its like, that would lose its focus.
                const same = firstLike(next, old, kept);
                if (same && !firstLike(old, following, kept)) while (old !== same) old = remove(old);
                if (isLike(next, old)) {
                    if (old.nodeType === Node.ELEMENT_NODE) morph(old, next);
                    else if (old.nodeValue !== next.nodeValue) old.nodeValue = next.nodeValue;
                    old = old.nextSibling;
                } else {
                    from.insertBefore(document.adoptNode(next), old);
                }
            }
            next = following;
        }
        while (old) old = remove(old);
    }

    // The first from one on that is like it, before any that stays where it is by its id.
    function firstLike(node, from, kept) {
        while (from && !isLike(node, from)) from = kept.has(idOf(from)) ? null : from.nextSibling;
        return from;
    }

    function isLike(node, other) {
        return !!node && !!other && node.nodeName === other.nodeName && !idOf(node) && !idOf(other);
    }

    // Not the property: that of a form is its field of the name "id", if it has one.
    function idOf(node) {
        return node.nodeType === Node.ELEMENT_NODE ? node.getAttribute('id') : null;
    }

    function remove(node) {
        const next = node.nextSibling;
        node.remove();
        return next;
    }

    function morphAttributes(from, to) {
        const isOpened = from.nodeName === 'DETAILS';
        for (const { name, value } of to.attributes) if (!(isOpened && name === 'open') && from.getAttribute(name) !== value) from.setAttribute(name, value);
        for (const { name } of [...from.attributes]) if (!to.hasAttribute(name) && !(isOpened && name === 'open')) from.removeAttribute(name);
    }

    // ---- ages, written as the server writes them ----

    function ago(at) {
        const seconds = (Date.now() - at) / 1000, age = Math.abs(seconds);
        if (age < 1) return 'now';
        const [size, unit] = age < 60 ? [1, 's'] : age < 3600 ? [60, 'min'] : age < 86400 ? [3600, 'h'] : [86400, 'd'];
        const text = `${Math.floor(age / size)} ${unit}`;
        return seconds < 0 ? `in ${text}` : `${text} ago`;
    }

    function tickAges() {
        if (document.hidden || isSelecting()) return;
        for (const time of document.querySelectorAll('time[data-ago]')) {
            const text = ago(Date.parse(time.dateTime));
            if (time.textContent !== text) time.textContent = text;
        }
        tellLocalTimes();
    }

    // Beside the time of its own zone, that of who looks.
    function tellLocalTimes() {
        for (const place of document.querySelectorAll('[data-local]')) {
            const text = ` · ${new Date(place.dataset.local).toLocaleString(undefined, { weekday: 'short', hour: '2-digit', minute: '2-digit', timeZoneName: 'short' })}`;
            if (place.textContent !== text) place.textContent = text;
        }
    }

    // ---- keys ----

    // Relative to where the board is mapped, which the page's base says.
    const pages = { h: './', t: 'tasks', q: 'queues', b: 'batches', s: 'schedules', d: 'dead-letters', w: 'workers' };
    let going = -Infinity;

    function onKey(event) {
        const field = event.target.closest?.('input, select, textarea, [contenteditable]');
        if (event.key === 'Escape' && field) field.blur();
        if (field || event.ctrlKey || event.metaKey || event.altKey || document.querySelector('dialog[open]')) return;
        const key = event.key;
        if (event.timeStamp - going < 1500 && pages[key]) location.assign(pages[key]);
        else if (key === 'g') { going = event.timeStamp; return; }
        else if (key === '/') search();
        else if (key === '?') document.getElementById('help').showModal();
        else if (key === 'n') location.assign('new');
        else if (key === 'j' || key === 'k') step(key === 'j' ? 1 : -1);
        else return;
        going = -Infinity;
        event.preventDefault();
    }

    function search() {
        const field = document.querySelector('[data-search]');
        if (field) { field.focus(); field.select(); }
        else location.assign('tasks#search');
    }

    function step(by) {
        const rows = [...document.querySelectorAll('[data-list] tbody tr')].map(row => row.querySelector('a')).filter(Boolean);
        const at = rows.findIndex(link => link.closest('tr').contains(document.activeElement));
        rows[Math.min(rows.length - 1, Math.max(0, at < 0 ? 0 : at + by))]?.focus();
    }

    // ---- clicks ----

    async function copy(button) {
        const text = document.querySelector(button.dataset.copy)?.textContent ?? '';
        try {
            await navigator.clipboard.writeText(text);
            say(button, 'Copied');
        } catch {
            const shown = document.querySelector(button.dataset.copy);
            shown?.closest('details')?.setAttribute('open', '');
            if (shown) getSelection().selectAllChildren(shown);
        }
    }

    function say(button, text) {
        if (button.dataset.said) return;
        const before = button.textContent;
        button.dataset.said = '1';
        button.textContent = button.classList.contains('icon') ? '✓' : text;
        setTimeout(() => { button.textContent = before; delete button.dataset.said; }, 1500);
    }

    function onClick(event) {
        const button = event.target.closest('[data-theme-toggle], [data-help], [data-copy], [data-open]');
        if (!button) return;
        if ('themeToggle' in button.dataset) toggleTheme();
        else if ('help' in button.dataset) document.getElementById('help').showModal();
        else if (button.dataset.copy) copy(button);
        else if (button.dataset.open) {
            const details = document.querySelector(button.dataset.open);
            details.open = true;
            details.querySelector('textarea')?.focus();
        }
    }

    document.addEventListener('click', onClick);
    document.addEventListener('keydown', onKey);
    document.addEventListener('change', event => { if (event.target.matches('select[data-submit]')) event.target.form.requestSubmit(); });
    document.addEventListener('visibilitychange', () => {
        if (document.hidden) return disconnect();
        connect();
        if (main()?.dataset.live) { dirty = true; schedule(); }
    });
    addEventListener('pagehide', disconnect);
    addEventListener('pageshow', connect);
    document.addEventListener('DOMContentLoaded', () => {
        connect();
        tellLocalTimes();
        setInterval(tickAges, 1000);
        if (location.hash === '#search') search();
    });
})();
