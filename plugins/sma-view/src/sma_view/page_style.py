"""The style that pages share: light and dark, narrow and wide."""

STYLE = """:root { color-scheme: light dark;
  --page: #f6f6f4; --card: #fff; --text: #1d1f21; --quiet: #5f6368; --line: #d9d9d5; }
@media (prefers-color-scheme: dark) {
  :root { --page: #16181a; --card: #202326; --text: #e6e6e3; --quiet: #a3a7ab; --line: #3a3e42; }
}
* { box-sizing: border-box; }
body { margin: 0 auto; padding: 16px; max-width: 1100px; background: var(--page); color: var(--text);
  font: 15px/1.45 system-ui, -apple-system, "Segoe UI", Roboto, "DejaVu Sans", sans-serif; }
h1 { margin: 0 0 8px; font-size: 22px; overflow-wrap: anywhere; }
h2 { margin: 28px 0 4px; font-size: 16px; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: 2px 16px; margin: 8px 0; }
dt, .quiet { color: var(--quiet); }
dd { margin: 0; overflow-wrap: anywhere; }
figure { margin: 0; padding: 8px; max-width: 100%; background: var(--card); border: 1px solid var(--line);
  border-radius: 6px; }
figcaption { font-size: 12.5px; color: var(--quiet); }"""
