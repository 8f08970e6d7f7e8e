"""Service evolutions: what services become over plateaus of maturity, with features mapped onto catalogues."""

from toolkit.evolutions.catalogue import Catalogue, Facet, FacetOption, Item, catalogue_hash, catalogues_of
from toolkit.evolutions.evolutions import Evolutions
from toolkit.evolutions.evolve import evolve_services, map_features
from toolkit.evolutions.loading import FolderPrompts, MappingLoader, PromptLoader, Reference
from toolkit.evolutions.migrate import migrate_file, migrate_record
from toolkit.evolutions.plateau import Definitions, Plateau, PlateauText, Role
from toolkit.evolutions.record import read_record
from toolkit.evolutions.service import JobToBeDone, Service, read_services

__all__ = [
    "Catalogue",
    "Definitions",
    "Evolutions",
    "Facet",
    "FacetOption",
    "FolderPrompts",
    "Item",
    "JobToBeDone",
    "MappingLoader",
    "Plateau",
    "PlateauText",
    "PromptLoader",
    "Reference",
    "Role",
    "Service",
    "catalogue_hash",
    "catalogues_of",
    "evolve_services",
    "map_features",
    "migrate_file",
    "migrate_record",
    "read_record",
    "read_services",
]
