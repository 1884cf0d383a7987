# The system's libraries that Sluice is linked with, as targets sluice::NAME. Installed too, so that
# the package finds them by the same rule.

# Sets sluice_missing_library if there is none.
macro(sluice_find_library name)
  if(NOT TARGET sluice::${name})
    find_library(SLUICE_LIBRARY_${name} ${name})
    mark_as_advanced(SLUICE_LIBRARY_${name})
    if(SLUICE_LIBRARY_${name})
      add_library(sluice::${name} UNKNOWN IMPORTED GLOBAL)
      set_target_properties(sluice::${name} PROPERTIES
                            IMPORTED_LOCATION "${SLUICE_LIBRARY_${name}}")
    else()
      set(sluice_missing_library ${name})
    endif()
  endif()
endmacro()
