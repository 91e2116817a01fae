"""Names and labels as somebody would choose them who wants to run a script in the page."""

NAMES = (
    "</script><script>window.hacked = 1</script>.bvh",
    '"><img src=x onerror="window.hacked = 2">',
    "<!--<script>",
    "{{data}} {{script}}",
    "' onmouseover='window.hacked = 3",
    "&lt;b&gt; &amp; \u2028 \u202e evil \0 \x1b[31m",
    "undecodable \udcff name",
    "javascript:window.hacked=4",
    "__proto__",
    "constructor",
    "x" * 5000,
    "",
)
