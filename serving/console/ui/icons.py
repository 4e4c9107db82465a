"""Line icons, drawn here so that no font of icons has to be loaded."""

from __future__ import annotations

from markupsafe import Markup

_PATHS = {
    "brand": '<path d="M3 7.5 12 3l9 4.5v6.2c0 3.6-3.6 5.8-9 7.3-5.4-1.5-9-3.7-9-7.3z"/><path d="m8 12 3 3 5-6"/>',
    "home": '<path d="M3.5 11 12 4l8.5 7M6 9.5V20h4.5v-5.5h3V20H18V9.5"/>',
    "pin": '<path d="m12 3.5 2.6 5.4 5.9.8-4.3 4.1 1 5.9-5.2-2.8-5.2 2.8 1-5.9-4.3-4.1 5.9-.8z"/>',
    "print": '<path d="M7 8V3.5h10V8M7 17H4V9h16v8h-3"/><path d="M7 14h10v6.5H7z"/>',
    "more": '<circle cx="5" cy="12" r="1.3"/><circle cx="12" cy="12" r="1.3"/><circle cx="19" cy="12" r="1.3"/>',
    "tags": '<path d="M3 12.5V4.5A1.5 1.5 0 0 1 4.5 3h8L21 11.5 12.5 20z"/><circle cx="8" cy="8" r="1.3"/>',
    "audience": '<circle cx="9" cy="8" r="3.5"/><path d="M2.5 20c.6-3.8 3-5.8 6.5-5.8s5.9 2 6.5 5.8"/><path d="M16 4.8a3.5 3.5 0 0 1 0 6.4M18.5 14.8c1.7.9 2.7 2.6 3 5.2"/>',
    "build": '<path d="M4 6h16M7 12h10M10 18h4"/>',
    "campaign": '<path d="M4 10v4l3 .5L14 19V5L7 9.5z"/><path d="M17.5 9a4 4 0 0 1 0 6"/>',
    "profile": '<circle cx="12" cy="8" r="4"/><path d="M4.5 21c.7-4.3 3.4-6.5 7.5-6.5s6.8 2.2 7.5 6.5"/>',
    "runs": '<path d="M4 4v16h16"/><path d="m7 15 4-5 3 3 5-7"/>',
    "review": '<rect x="4" y="4" width="16" height="17" rx="2"/><path d="M9 3h6v3H9zM8.5 14l2.3 2.3 4.7-5"/>',
    "audit": '<path d="M6 3h9l4 4v14H6z"/><path d="M14 3v5h5M9 12h7M9 16h7"/>',
    "access": '<rect x="5" y="11" width="14" height="9" rx="2"/><path d="M8 11V8a4 4 0 0 1 8 0v3"/>',
    "menu": '<path d="M4 7h16M4 12h16M4 17h16"/>',
    "sun": '<circle cx="12" cy="12" r="4"/><path d="M12 3v2M12 19v2M3 12h2M19 12h2M5.6 5.6 7 7M17 17l1.4 1.4M5.6 18.4 7 17M17 7l1.4-1.4"/>',
    "moon": '<path d="M20 14.5A8.5 8.5 0 0 1 9.5 4a8.5 8.5 0 1 0 10.5 10.5z"/>',
    "auto": '<circle cx="12" cy="12" r="8.5"/><path d="M12 3.5v17a8.5 8.5 0 0 0 0-17z" fill="currentColor"/>',
    "plus": '<path d="M12 5v14M5 12h14"/>',
    "close": '<path d="m6 6 12 12M18 6 6 18"/>',
    "download": '<path d="M12 4v11M7 11l5 5 5-5M4 20h16"/>',
    "portrait": '<path d="M5 20V10M12 20V4M19 20v-7"/>',
    "compare": '<circle cx="9" cy="12" r="6"/><circle cx="15" cy="12" r="6"/>',
    "save": '<path d="M6 3h12v18l-6-4.5L6 21z"/>',
    "pencil": '<path d="m4 20 1-4L16 5l3 3L8 19z"/>',
    "search": '<circle cx="11" cy="11" r="6.5"/><path d="m16 16 4.5 4.5"/>',
}


def icon(name: str) -> Markup:
    """Return an icon that readers of the screen pass over."""
    return Markup(  # noqa: S704 - of our own paths
        '<svg viewBox="0 0 24 24" width="20" height="20" fill="none" stroke="currentColor" stroke-width="1.7" '
        f'stroke-linecap="round" stroke-linejoin="round" aria-hidden="true">{_PATHS[name]}</svg>'
    )
