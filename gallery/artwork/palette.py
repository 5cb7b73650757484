"""The colours of glass in the window; a pane has one of a kind, by chance."""

RUBY = ("#b3122f", "#c8213a", "#8f0f2b")
CORAL = ("#f0683f", "#ea5148")
ROSE = ("#e2557a", "#d63d6c", "#f0849a")
MAGENTA = ("#b83280", "#982c86", "#7e2a8c")
VIOLET = ("#6a37a5", "#7d4bb8", "#52288a")
COBALT = ("#1d3fae", "#16338f", "#2a55c9")
SLATE = ("#4a68b5", "#5a7fc8", "#3c4f9c", "#6f95d6")
PALE_BLUE = ("#8fb3e0", "#7fa3d6", "#b4cbea")
TURQUOISE = ("#17a6ad", "#26bcb8", "#128796")
TEAL = ("#0f6f86", "#135a86", "#1585a0")
EMERALD = ("#0f8a4f", "#1aa35c", "#0b6b45", "#3fae49")
LIME = ("#7fbf3a", "#a9cc45", "#5aa83a")
AMBER = ("#f5a623", "#f08c1a", "#f7bd3c")
GOLD = ("#ffd84f", "#ffe27a", "#fccb3a")
WHITE = ("#fbf5e6", "#eaf2f8", "#fff6e0", "#e4ecfa")
PEARL = WHITE + GOLD[1:2]
