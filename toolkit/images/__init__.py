"""Image plans: a plan is data that a person can read, price and edit; rendering it has all the side effects."""

from toolkit.images.errors import PlanningError, RenderError
from toolkit.images.gallery import Gallery, gallery
from toolkit.images.plan import ImagePlan
from toolkit.images.planner import plan_image, plan_images
from toolkit.images.plans import ImagePlans
from toolkit.images.portrait import plan_portrait, plan_portraits, portrait_prompt
from toolkit.images.render import render_image, render_images
from toolkit.images.renderer import Order, Rendered, Renderer, open_renderer, renderers
from toolkit.images.result import ImageResult
from toolkit.images.results import ImageResults
from toolkit.images.server import ImageServer
from toolkit.images.store import ImageStore, Stored

__all__ = [
    "Gallery",
    "ImagePlan",
    "ImagePlans",
    "ImageResult",
    "ImageResults",
    "ImageServer",
    "ImageStore",
    "Order",
    "PlanningError",
    "RenderError",
    "Rendered",
    "Renderer",
    "Stored",
    "gallery",
    "open_renderer",
    "plan_image",
    "plan_images",
    "plan_portrait",
    "plan_portraits",
    "portrait_prompt",
    "render_image",
    "render_images",
    "renderers",
]
