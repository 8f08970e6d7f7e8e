"""How a verb is made and run: jobs, blocking and awaitable twins, the background, and a look ahead."""

from toolkit.verbs.ahead import Estimate, Preview, estimate, preview
from toolkit.verbs.background import Background, start
from toolkit.verbs.job import Job
from toolkit.verbs.verb import Verb, verb

__all__ = ["Background", "Estimate", "Job", "Preview", "Verb", "estimate", "preview", "start", "verb"]
