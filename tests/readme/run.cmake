# Runs EXAMPLE twice in a fresh directory PLACE: the store it makes must serve the second run too.
file(REMOVE_RECURSE ${PLACE})
file(MAKE_DIRECTORY ${PLACE})
foreach(run IN ITEMS first second)
  execute_process(COMMAND ${EXAMPLE} WORKING_DIRECTORY ${PLACE}
    OUTPUT_VARIABLE output ERROR_VARIABLE output RESULT_VARIABLE result)
  if(NOT result EQUAL 0 OR NOT output STREQUAL "found Lovelace\nada: Lovelace\n")
    message(FATAL_ERROR "${run} run: exit ${result}, output:\n${output}")
  endif()
endforeach()
